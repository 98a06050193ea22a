// addition
struct Sizes { size_0: i32 }
@group(0) @binding(0) var<storage, read> b0: array<f32>;
@group(0) @binding(1) var<storage, read> b1: array<i32>;
@group(0) @binding(2) var<storage, read> b2: array<i32>;
@group(0) @binding(3) var<storage, read> b3: array<u32>;
@group(0) @binding(4) var<storage, read> b4: array<f32>;
@group(0) @binding(5) var<storage, read> b5: array<i32>;
@group(0) @binding(6) var<storage, read> b6: array<i32>;
@group(0) @binding(7) var<storage, read> b7: array<u32>;
@group(0) @binding(8) var<storage, read> b8: array<f32>;
@group(0) @binding(9) var<storage, read_write> b9: array<i32>;
@group(0) @binding(10) var<storage, read_write> b10: array<f32>;
@group(0) @binding(11) var<uniform> sizes: Sizes;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let n = sizes.size_0;
  let point = i32((workgroup.y * workgroups.x + workgroup.x) * 64u + invocation);
  let extent = n;
  if (point >= extent) { return; }
  let i = point;
  b9[i] = select(0i, 1i, (b2[i] != 0i) | (b6[i] != 0i));
  b10[i] = b10[i] + (b0[i] + f32(b1[i]) + f32(b2[i] != 0i) + f32(b3[i]) + b4[i] + f32(b5[i]) + f32(b6[i] != 0i) + f32(b7[i]) + b8[i]);
}
