/** The sizes of the network that examples/digits holds the weights of, as options of the command. */
const SIZES = {
  image: 28,
  patch: 4,
  channels: 1,
  classes: 10,
  dim: 64,
  depth: 4,
  heads: 4,
  dim_head: 16,
  mlp_dim: 128,
};

export const digitsSettings = Object.entries(SIZES).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
