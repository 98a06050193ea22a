// group
enable subgroups;
struct Sizes { size_0: i32 }
@group(0) @binding(0) var<storage, read> b0: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> b1: array<vec4f>;
@group(0) @binding(2) var<uniform> sizes: Sizes;
var<workgroup> m0: array<vec4f, 32>;

var<workgroup> exchange_f32: array<f32, 64>;
var<private> turn_f32 = 0u;

fn workgroup_add_f32(value: f32, invocation: u32, rank: u32, count: u32) -> f32 {
  let own = subgroupAdd(value);
  turn_f32 = 32u - turn_f32;
  exchange_f32[turn_f32 + invocation] = select(0f, own, rank == 0u);
  workgroupBarrier();
  var total = exchange_f32[turn_f32 + rank];
  for (var i = rank + count; i < 32u; i += count) { total = total + exchange_f32[turn_f32 + i]; }
  return subgroupAdd(total);
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
  let rank = subgroupExclusiveAdd(1u);
  let count = subgroupAdd(1u);
  let x = b0[i * 32i + j];
  let value = x;
  let sum = value.x + value.z + (value.y + value.w);
  let total = workgroup_add_f32(sum, invocation, rank, count);
  m0[j] = x / vec4f(total);
  workgroupBarrier();
  let turned = m0[-(j) + 31i];
  b1[i * 32i + j] = vec4f(turned.w, turned.z, turned.y, turned.x);
}
