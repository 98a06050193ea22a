/** Drawings as data: levels as they are laid out, with every block in them closed, and as they are placed. */

/** A line of text in one of the styles of the drawing. */
export interface Row {
  readonly text: string;
  readonly style: 'title' | 'text' | 'code' | 'sign' | 'label';
}

/** What an edge tells of what flows along it. */
export interface Label {
  readonly lines: readonly string[];
  readonly tip: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One block's inside, laid out with every block in it closed. */
export interface Level {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly LevelNode[];
  readonly edges: readonly LevelEdge[];
}

export interface LevelNode {
  /** Unique in the drawing. */
  readonly id: string;
  readonly kind: 'entry' | 'exit' | 'block' | 'ops' | 'join' | 'parameter' | 'input' | 'output';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly rows: readonly Row[];
  readonly badge?: string;
  /** The width of the rows side by side, as over an open block. */
  readonly header: number;
  /** Which of the colours of blocks. */
  readonly tone?: number;
  readonly tip: string;
  /** What is inside, of a block that can be opened. */
  readonly inside?: Level;
}

export interface LevelEdge {
  readonly from: number;
  readonly to: number;
  /** Which exit of an open block it leaves from, and which entry it leads to. */
  readonly fromPlace: number;
  readonly toPlace: number;
  /** Corners from the bottom of one node to the top of the other; segments are vertical and horizontal by turns. */
  readonly points: readonly Point[];
  readonly label?: Label;
}

export type Point = readonly [x: number, y: number];

/** A level with its final places; coordinates are those of the whole drawing. */
export interface Placed {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

export interface PlacedNode {
  readonly node: LevelNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Of an open block: what is inside, in the middle and this far below the top. */
  readonly inside?: Placed;
  readonly insideTop?: number;
}

export interface PlacedEdge {
  readonly points: readonly Point[];
  readonly hasArrow: boolean;
  readonly label?: Label;
}
