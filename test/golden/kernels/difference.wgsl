// difference
struct Sizes { size_0: i32 }
@group(0) @binding(0) var<storage, read_write> b0: array<f32>;
@group(0) @binding(1) var<storage, read_write> b1: array<f32>;
@group(0) @binding(2) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let n = sizes.size_0;
  let point = i32((workgroup.y * workgroups.x + workgroup.x) * 64u + invocation);
  if (point >= 8i) { return; }
  let i = point;
  for (var j = 0i; j < n; j++) {
    var chosen: f32;
    if (j > 0i) {
      chosen = b0[i * n + j - 1i];
    } else {
      chosen = 0f;
    }
    b1[i * n + j] = b0[i * n + j] - chosen;
  }
}
