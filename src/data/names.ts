/** Further names under which models ask for what data sets give. */

export const IMAGE_NAMES = ['img', 'images', 'x', 'pixels', 'input'] as const;
export const LABEL_NAMES = ['target', 'y', 'labels', 'targets', 'class'] as const;
export const TOKEN_NAMES = ['idx', 'tokens', 'x', 'input'] as const;
