(module
  (type (;0;) (func (param i32 i32 i32 i32 i32 i32)))
  (type (;1;) (func (param i32 i32 i32 i32)))
  (type (;2;) (func (param i32 i32)))
  (type (;3;) (func))
  (import "env" "memory" (memory (;0;) 1 65536))
  (import "env" "rank" (global (;0;) i32))
  (import "env" "ranks" (global (;1;) i32))
  (func $product.body (type 0) (param i32 i32 i32 i32 i32 i32)
    (local v128 v128 v128 v128 v128 v128 v128 v128 i32 i32 i32 v128 v128)
    v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
    local.set 6
    v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
    local.set 7
    v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
    local.set 8
    v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
    local.set 9
    v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
    local.set 10
    v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
    local.set 11
    v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
    local.set 12
    v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
    local.set 13
    local.get 1
    local.get 4
    i32.const 10
    i32.shl
    i32.add
    local.set 14
    local.get 0
    local.get 5
    i32.const 9
    i32.shl
    i32.add
    local.set 15
    i32.const 32
    local.set 16
    loop  ;; label = @1
      local.get 14
      v128.load align=4
      local.set 17
      local.get 14
      v128.load offset=16 align=4
      local.set 18
      local.get 6
      local.get 15
      v128.load32_splat
      local.get 17
      f32x4.mul
      f32x4.add
      local.set 6
      local.get 7
      local.get 15
      v128.load32_splat
      local.get 18
      f32x4.mul
      f32x4.add
      local.set 7
      local.get 8
      local.get 15
      v128.load32_splat offset=128
      local.get 17
      f32x4.mul
      f32x4.add
      local.set 8
      local.get 9
      local.get 15
      v128.load32_splat offset=128
      local.get 18
      f32x4.mul
      f32x4.add
      local.set 9
      local.get 10
      local.get 15
      v128.load32_splat offset=256
      local.get 17
      f32x4.mul
      f32x4.add
      local.set 10
      local.get 11
      local.get 15
      v128.load32_splat offset=256
      local.get 18
      f32x4.mul
      f32x4.add
      local.set 11
      local.get 12
      local.get 15
      v128.load32_splat offset=384
      local.get 17
      f32x4.mul
      f32x4.add
      local.set 12
      local.get 13
      local.get 15
      v128.load32_splat offset=384
      local.get 18
      f32x4.mul
      f32x4.add
      local.set 13
      local.get 14
      i32.const 32
      i32.add
      local.set 14
      local.get 15
      i32.const 4
      i32.add
      local.set 15
      local.get 16
      i32.const 1
      i32.sub
      local.tee 16
      br_if 0 (;@1;)
    end
    local.get 2
    local.get 4
    i32.const 3
    i32.shl
    local.get 5
    i32.const 7
    i32.shl
    i32.add
    i32.const 2
    i32.shl
    local.tee 16
    i32.add
    local.tee 15
    local.get 6
    v128.store align=4
    local.get 15
    local.get 7
    v128.store offset=16 align=4
    local.get 15
    local.get 8
    v128.store offset=128 align=4
    local.get 15
    local.get 9
    v128.store offset=144 align=4
    local.get 15
    local.get 10
    v128.store offset=256 align=4
    local.get 15
    local.get 11
    v128.store offset=272 align=4
    local.get 15
    local.get 12
    v128.store offset=384 align=4
    local.get 15
    local.get 13
    v128.store offset=400 align=4)
  (func $product (type 1) (param i32 i32 i32 i32)
    (local i32 i32 i32 i32 i32 i32 i32 i32)
    local.get 3
    local.set 7
    i32.const 4
    local.get 7
    i32.mul
    local.tee 8
    i32.const 0
    i32.gt_s
    if  ;; label = @1
      global.get 1
      i32.const 1
      i32.gt_u
      if  ;; label = @2
        local.get 8
        global.get 1
        i32.rem_u
        local.set 9
        local.get 8
        global.get 1
        i32.div_u
        local.tee 8
        global.get 0
        i32.mul
        global.get 0
        local.get 9
        local.set 11
        local.tee 10
        local.get 11
        local.get 10
        local.get 11
        i32.lt_u
        select
        i32.add
        local.set 6
        local.get 8
        global.get 0
        local.get 9
        i32.lt_u
        i32.add
        local.set 8
      end
      local.get 8
      if  ;; label = @2
        local.get 6
        if  ;; label = @3
          local.get 6
          local.get 7
          i32.rem_u
          local.set 5
          local.get 6
          local.get 7
          i32.div_u
          local.set 6
          local.get 6
          local.set 4
        end
        loop  ;; label = @3
          local.get 0
          local.get 1
          local.get 2
          local.get 3
          local.get 4
          local.get 5
          call $product.body
          local.get 5
          i32.const 1
          i32.add
          local.set 5
          local.get 5
          local.get 7
          i32.eq
          if  ;; label = @4
            i32.const 0
            local.set 5
            local.get 4
            i32.const 1
            i32.add
            local.set 4
          end
          local.get 8
          i32.const 1
          i32.sub
          local.tee 8
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
      call $product
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
