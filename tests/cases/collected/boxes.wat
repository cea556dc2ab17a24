;; A plugin of a preview1 module that hands back its frame's bytes backwards: even bytes kept as `i31`, odd
;; ones in structs, all of them in one array on the collected heap. Before it writes them it leaves as
;; much garbage as the global says, in pairs that point at each other.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (type $box (struct (field i32)))
  (type $boxes (array (mut (ref null any))))
  (rec (type $pair (struct (field (mut (ref null $pair))) (field i64) (field i64))))
  (memory (export "memory") 1)
  (global $litter i32 (i32.const 200000))

  (func $box (param $value i32) (result (ref any))
    (if (result (ref any)) (i32.and (local.get $value) (i32.const 1))
      (then (struct.new $box (local.get $value)))
      (else (ref.i31 (local.get $value)))))

  (func $unbox (param $boxed (ref null any)) (result i32)
    (block $struct (result (ref $box))
      (return (i31.get_u (ref.cast (ref i31)
        (br_on_cast $struct (ref null any) (ref $box) (local.get $boxed))))))
    (struct.get $box 0))

  (func $leave (local $n i32) (local $pair (ref null $pair))
    (local.set $n (global.get $litter))
    (loop $more
      (local.set $pair (struct.new $pair (ref.null $pair) (i64.const 1) (i64.const 2)))
      (struct.set $pair 0 (local.get $pair)
        (struct.new $pair (local.get $pair) (i64.const 3) (i64.const 4)))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))

  (func (export "handle") (result i32) (local $boxes (ref $boxes)) (local $n i32) (local $length i32)
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 1024))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (local.set $length (i32.load (i32.const 8)))
    (local.set $boxes (array.new_default $boxes (local.get $length)))
    (block $filled (loop $more
      (br_if $filled (i32.eq (local.get $n) (local.get $length)))
      (array.set $boxes (local.get $boxes) (local.get $n)
        (call $box (i32.load8_u (i32.add (i32.const 64) (local.get $n)))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $more)))
    (call $leave)
    (block $emptied (loop $more
      (br_if $emptied (i32.eqz (local.get $n)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (i32.store8
        (i32.add (i32.const 64) (i32.sub (i32.sub (local.get $length) (local.get $n)) (i32.const 1)))
        (call $unbox (array.get $boxes (local.get $boxes) (local.get $n))))
      (br $more)))
    (i32.store (i32.const 4) (local.get $length))
    (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
