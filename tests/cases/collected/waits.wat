;; An asynchronous plugin that hands back its frame's bytes backwards, out of a list on the collected heap:
;; it waits with the list on its stack, and leaves garbage before it reads the list. A frame
;; that begins with `k` makes it keep objects without end, one with `x` throw an exception.
(component
  (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock
    (export "wait-for" (func async (param "how-long" u64)))))
  (import "tollgate:plugin/types@0.1.0" (instance $types
    (type $frame (record (field "sequence" u64) (field "source" string) (field "content-type" string)
      (field "acquired-ns" u64) (field "data" (list u8))))
    (export "frame" (type (eq $frame)))
    (type $output (record (field "name" string) (field "content-type" string) (field "data" (list u8))))
    (export "output" (type (eq $output)))
    (type $fault (variant (case "invalid-frame" string) (case "inference" string) (case "internal" string)))
    (export "fault" (type (eq $fault)))))
  (alias export $types "frame" (type $frame))
  (alias export $types "output" (type $output))
  (alias export $types "fault" (type $fault))
  (type $handle (func async (param "frame" $frame) (result (result (list $output) (error $fault)))))

  (core module $memory
    (memory (export "memory") 1)
    (global $free (mut i32) (i32.const 1024))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $free
        (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const 0xfff8)))
      (global.get $free)
      (global.set $free (i32.add (global.get $free) (local.get 3))))
    (func (export "reset") (global.set $free (i32.const 1024))))
  (core instance $memory (instantiate $memory))
  (core func $wait (canon lower (func $clock "wait-for")))
  (core func $return (canon task.return (result (result (list $output) (error $fault)))
    (memory (core memory $memory "memory"))))
  (core module $main
    (import "host" "memory" (memory 1))
    (import "host" "reset" (func $reset))
    (import "host" "wait" (func $wait (param i64)))
    (import "host" "return" (func $return (param i32 i32 i32 i32)))
    (type $list (struct (field (ref null $list)) (field i32)))
    (type $bytes (array (mut i8)))
    (tag $thrown)

    (func $keep (local $list (ref null $list))
      (loop $more
        (local.set $list (struct.new $list (local.get $list) (i32.const 0)))
        (br $more)))

    (func $leave (local $n i32)
      (local.set $n (i32.const 2000))
      (loop $more
        (drop (array.new_default $bytes (i32.const 4096)))
        (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))

    (func (export "handle") (param i64 i32 i32 i32 i32 i64) (param $at i32) (param $length i32) (result i32)
      (local $list (ref null $list)) (local $n i32)
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x6b)) (then (call $keep)))
      (block $filled (loop $more
        (br_if $filled (i32.eq (local.get $n) (local.get $length)))
        (local.set $list (struct.new $list (local.get $list)
          (i32.load8_u (i32.add (local.get $at) (local.get $n)))))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $more)))
      (call $wait (i64.const 1000000))
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 0x78)) (then (throw $thrown)))
      (call $leave)
      (local.set $n (local.get $at))
      (block $emptied (loop $more
        (br_if $emptied (ref.is_null (local.get $list)))
        (i32.store8 (local.get $n) (struct.get $list 1 (local.get $list)))
        (local.set $list (struct.get $list 0 (local.get $list)))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $more)))
      (i64.store (i32.const 0) (i64.const 0))
      (i64.store (i32.const 8) (i64.const 0))
      (i32.store (i32.const 16) (local.get $at))
      (i32.store (i32.const 20) (local.get $length))
      (call $return (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
      (call $reset)
      (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core instance $main (instantiate $main (with "host" (instance
    (export "memory" (memory $memory "memory"))
    (export "reset" (func $memory "reset"))
    (export "wait" (func $wait))
    (export "return" (func $return))))))
  (func $handle (type $handle) (canon lift (core func $main "handle") async
    (callback (core func $main "callback")) (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (instance $handler (export "handle" (func $handle)))
  (export "tollgate:plugin-async/handler@0.1.0" (instance $handler)))
