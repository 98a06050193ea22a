  (func $meet (type 1)
    (local i32 i32)
    i32.const 0
    i32.atomic.load
    local.set 0
    i32.const 0
    i32.const 1
    i32.atomic.rmw.add offset=64
    global.get 1
    i32.const 1
    i32.sub
    i32.eq
    if  ;; label = @1
      i32.const 0
      i32.const 0
      i32.atomic.store offset=64
      i32.const 0
      i32.const 1
      i32.atomic.rmw.add
      drop
      i32.const 0
      i32.atomic.load offset=68
      if  ;; label = @2
        i32.const 0
        i32.const -1
        memory.atomic.notify
        drop
      end
    else
      i32.const 10000
      local.set 1
      block  ;; label = @2
        loop  ;; label = @3
          i32.const 0
          i32.atomic.load
          local.get 0
          i32.ne
          br_if 1 (;@2;)
          atomic.fence
          local.get 1
          i32.const 1
          i32.sub
          local.tee 1
          br_if 0 (;@3;)
        end
        i32.const 0
        i32.const 1
        i32.atomic.rmw.add offset=68
        drop
        block  ;; label = @3
          loop  ;; label = @4
            i32.const 0
            i32.atomic.load offset=4
            br_if 1 (;@3;)
            i32.const 0
            local.get 0
            i64.const -1
            memory.atomic.wait32
            drop
            i32.const 0
            i32.atomic.load
            local.get 0
            i32.eq
            br_if 0 (;@4;)
          end
        end
        i32.const 0
        i32.const 1
        i32.atomic.rmw.sub offset=68
        drop
      end
    end
    i32.const 0
    i32.atomic.load offset=4
    if  ;; label = @1
      unreachable
    end)
  (func $round (type 1)
    (local i32)
    i32.const 0
    i32.atomic.load
    i32.const 1
    i32.and
    i32.const 8
    i32.mul
    local.set 0
    call $meet
    local.get 0
    i32.atomic.load offset=8
    local.get 0
    i32.atomic.load offset=12
    call $run)
  (func $work (type 1)
    loop  ;; label = @1
      call $round
      br 0 (;@1;)
    end)
