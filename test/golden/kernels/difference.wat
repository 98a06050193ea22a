(module
  (type (;0;) (func (param i32 i32 i32 i32)))
  (type (;1;) (func (param i32 i32 i32)))
  (type (;2;) (func (param i32 i32)))
  (type (;3;) (func))
  (import "env" "memory" (memory (;0;) 1 65536))
  (import "env" "rank" (global (;0;) i32))
  (import "env" "ranks" (global (;1;) i32))
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
    (local i32 i32 i32 i32 i32 i32)
    i32.const 8
    local.tee 5
    i32.const 0
    i32.gt_s
    if  ;; label = @1
      global.get 1
      i32.const 1
      i32.gt_u
      if  ;; label = @2
        local.get 5
        global.get 1
        i32.rem_u
        local.set 6
        local.get 5
        global.get 1
        i32.div_u
        local.tee 5
        global.get 0
        i32.mul
        global.get 0
        local.get 6
        local.set 8
        local.tee 7
        local.get 8
        local.get 7
        local.get 8
        i32.lt_u
        select
        i32.add
        local.set 4
        local.get 5
        global.get 0
        local.get 6
        i32.lt_u
        i32.add
        local.set 5
      end
      local.get 5
      if  ;; label = @2
        local.get 4
        if  ;; label = @3
          local.get 4
          local.set 3
        end
        loop  ;; label = @3
          local.get 0
          local.get 1
          local.get 2
          local.get 3
          call $difference.body
          local.get 3
          i32.const 1
          i32.add
          local.set 3
          local.get 5
          i32.const 1
          i32.sub
          local.tee 5
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
      call $difference
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
