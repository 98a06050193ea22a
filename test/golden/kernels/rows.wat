(module
  (type (;0;) (func (param i32 i32 i32 i32 i32 i32 i32)))
  (type (;1;) (func (param i32 i32 i32 i32 i32 i32)))
  (type (;2;) (func))
  (import "env" "memory" (memory (;0;) 1))
  (func $rows.body (type 0) (param i32 i32 i32 i32 i32 i32 i32)
    (local f32 i32 i32 i32 i32 i32 f32)
    f32.const 0x0p+0 (;=0;)
    local.set 7
    local.get 5
    i32.const 0
    i32.gt_s
    if  ;; label = @1
      local.get 0
      local.get 6
      local.get 5
      i32.mul
      i32.const 2
      i32.shl
      local.tee 8
      i32.add
      local.set 9
      local.get 2
      local.get 8
      i32.add
      local.set 10
      local.get 1
      local.set 11
      local.get 5
      local.set 12
      loop  ;; label = @2
        local.get 9
        f32.load
        local.set 13
        local.get 7
        local.get 13
        local.get 13
        f32.mul
        f32.add
        local.set 7
        local.get 10
        local.get 13
        f32.const 0x0p+0 (;=0;)
        f32.max
        local.get 11
        f32.load
        f32.mul
        f32.store
        local.get 9
        i32.const 4
        i32.add
        local.set 9
        local.get 10
        i32.const 4
        i32.add
        local.set 10
        local.get 11
        i32.const 4
        i32.add
        local.set 11
        local.get 12
        i32.const 1
        i32.sub
        local.tee 12
        br_if 0 (;@2;)
      end
    end
    local.get 3
    local.get 6
    i32.const 2
    i32.shl
    i32.add
    local.get 7
    f32.store)
  (func $rows (type 1) (param i32 i32 i32 i32 i32 i32)
    (local i32)
    local.get 4
    i32.const 0
    i32.gt_s
    if  ;; label = @1
      i32.const 0
      local.set 6
      loop  ;; label = @2
        local.get 0
        local.get 1
        local.get 2
        local.get 3
        local.get 4
        local.get 5
        local.get 6
        call $rows.body
        local.get 6
        i32.const 1
        i32.add
        local.tee 6
        local.get 4
        i32.lt_s
        br_if 0 (;@2;)
      end
    end)
  (func $run (type 2)
    i32.const 0
    i32.load offset=1024
    i32.const 0
    i32.load offset=1028
    i32.const 0
    i32.load offset=1032
    i32.const 0
    i32.load offset=1036
    i32.const 0
    i32.load offset=1040
    i32.const 0
    i32.load offset=1044
    call $rows)
  (export "run" (func $run)))
