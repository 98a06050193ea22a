(module
  (type (;0;) (func (param i32 i32 i32 i32)))
  (type (;1;) (func (param i32 i32 i32)))
  (type (;2;) (func))
  (import "env" "memory" (memory (;0;) 1))
  (func $difference.body (type 0) (param i32 i32 i32 i32)
    (local i32 i32 i32 i32)
    local.get 2
    i32.const 0
    i32.gt_s
    if  ;; label = @1
      local.get 1
      local.get 3
      local.get 2
      i32.mul
      i32.const 2
      i32.shl
      local.tee 4
      i32.add
      local.set 5
      local.get 0
      local.get 4
      i32.add
      local.set 6
      i32.const 0
      local.set 7
      loop  ;; label = @2
        local.get 5
        local.get 6
        f32.load
        local.get 7
        i32.const 0
        i32.gt_s
        if (result f32)  ;; label = @3
          local.get 6
          i32.const -4
          i32.add
          f32.load
        else
          f32.const 0x0p+0 (;=0;)
        end
        f32.sub
        f32.store
        local.get 5
        i32.const 4
        i32.add
        local.set 5
        local.get 6
        i32.const 4
        i32.add
        local.set 6
        local.get 7
        i32.const 1
        i32.add
        local.tee 7
        local.get 2
        i32.lt_s
        br_if 0 (;@2;)
      end
    end)
  (func $difference (type 1) (param i32 i32 i32)
    (local i32)
    i32.const 0
    local.set 3
    loop  ;; label = @1
      local.get 0
      local.get 1
      local.get 2
      local.get 3
      call $difference.body
      local.get 3
      i32.const 1
      i32.add
      local.tee 3
      i32.const 8
      i32.lt_s
      br_if 0 (;@1;)
    end)
  (func $run (type 2)
    i32.const 0
    i32.load offset=1024
    i32.const 0
    i32.load offset=1028
    i32.const 0
    i32.load offset=1032
    call $difference)
  (export "run" (func $run)))
