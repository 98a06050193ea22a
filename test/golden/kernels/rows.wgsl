// rows
struct Sizes { size_0: i32, size_1: i32 }
@group(0) @binding(0) var<storage, read_write> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<storage, read_write> b2: array<f32>;
@group(0) @binding(3) var<storage, read_write> b3: array<f32>;
@group(0) @binding(4) var<uniform> sizes: Sizes;

fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}

fn max_single(a: f32, b: f32) -> f32 {
  return select(select(max(a, b), b, is_nan(b)), a, is_nan(a));
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let m = sizes.size_0;
  let n = sizes.size_1;
  let point = i32((workgroup.y * workgroups.x + workgroup.x) * 64u + invocation);
  let extent = m;
  if (point >= extent) { return; }
  let i = point;
  var sum: f32 = 0f;
  for (var j = 0i; j < n; j++) {
    let x = b0[i * n + j];
    sum = sum + x * x;
    b2[i * n + j] = max_single(x, 0f) * b1[j];
  }
  b3[i] = sum;
}
