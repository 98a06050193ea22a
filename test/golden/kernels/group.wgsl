// group
struct Sizes { size_0: i32 }
@group(0) @binding(0) var<storage, read> b0: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> b1: array<vec4f>;
@group(0) @binding(2) var<uniform> sizes: Sizes;
var<workgroup> m0: array<vec4f, 32>;

var<workgroup> wide_f32: array<f32, 32>;
var<workgroup> narrow_f32: array<f32, 8>;

fn workgroup_add_f32(value: f32, invocation: u32) -> f32 {
  wide_f32[invocation] = value;
  workgroupBarrier();
  if (invocation < 8u) { narrow_f32[invocation] = wide_f32[invocation] + wide_f32[invocation + 16u] + (wide_f32[invocation + 8u] + wide_f32[invocation + 24u]); }
  workgroupBarrier();
  return narrow_f32[0] + narrow_f32[4] + (narrow_f32[2] + narrow_f32[6]) + (narrow_f32[1] + narrow_f32[5] + (narrow_f32[3] + narrow_f32[7]));
}

@compute @workgroup_size(32)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  let m = sizes.size_0;
  let point = i32(workgroup.y * workgroups.x + workgroup.x);
  let extent = m;
  if (point >= extent) { return; }
  let i = point;
  let j = i32(invocation);
  let x = b0[i * 32i + j];
  let value = x;
  let sum = value.x + value.z + (value.y + value.w);
  let total = workgroup_add_f32(sum, invocation);
  m0[j] = x / vec4f(total);
  workgroupBarrier();
  let turned = m0[-(j) + 31i];
  b1[i * 32i + j] = vec4f(turned.w, turned.z, turned.y, turned.x);
}
