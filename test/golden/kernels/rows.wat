(module
  (type (;0;) (func (param i32 i32 i32 i32 i32 i32 i32)))
  (type (;1;) (func (param i32 i32 i32 i32 i32 i32)))
  (type (;2;) (func (param i32 i32)))
  (type (;3;) (func))
  (import "env" "memory" (memory (;0;) 1 65536))
  (import "env" "rank" (global (;0;) i32))
  (import "env" "ranks" (global (;1;) i32))
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
    (local i32 i32 i32 i32 i32 i32 i32)
    local.get 4
    local.set 8
    local.get 8
    local.tee 9
    i32.const 0
    i32.gt_s
    if  ;; label = @1
      global.get 1
      i32.const 1
      i32.gt_u
      if  ;; label = @2
        local.get 9
        global.get 1
        i32.rem_u
        local.set 10
        local.get 9
        global.get 1
        i32.div_u
        local.tee 9
        global.get 0
        i32.mul
        global.get 0
        local.get 10
        local.set 12
        local.tee 11
        local.get 12
        local.get 11
        local.get 12
        i32.lt_u
        select
        i32.add
        local.set 7
        local.get 9
        global.get 0
        local.get 10
        i32.lt_u
        i32.add
        local.set 9
      end
      local.get 9
      if  ;; label = @2
        local.get 7
        if  ;; label = @3
          local.get 7
          local.set 6
        end
        loop  ;; label = @3
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
          local.set 6
          local.get 9
          i32.const 1
          i32.sub
          local.tee 9
          br_if 0 (;@3;)
        end
      end
    end)
  (func $run (type 2) (param i32 i32)
    local.get 1
    local.get 0
    i32.sub
    local.set 1
    i32.const 0
    local.get 0
    i32.sub
    local.get 1
    i32.lt_u
    if  ;; label = @1
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
      call $rows
      global.get 1
      i32.const 1
      i32.gt_u
      if  ;; label = @2
        call $meet
      end
    end)
  (export "run" (func $run))
  (export "round" (func $round))
  (export "work" (func $work)))
