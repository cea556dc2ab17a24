;; What MoonBit's compiler (npm: @moonbit/moonpad-monaco 0.1.202602255) makes of sorted.mbt for `wasm-gc`.
;; Added by hand: the last line, which exports the memory.
(import "wasi_snapshot_preview1" "fd_read"
 (func $wasi_snapshot_preview1.fd_read.1 (param i32) (param i32) (param i32) (param i32) (result i32)))
(import "wasi_snapshot_preview1" "fd_write"
 (func $wasi_snapshot_preview1.fd_write.0 (param i32) (param i32) (param i32) (param i32) (result i32)))
(type $moonbit.enum
 (sub
  (struct
   (field  i32))))
(memory $moonbit.memory 1)
(type $moonbit.array_i32
 (array (mut i32)))
(type $_M0DTP28tollgate5guest4Tree4Node
 (sub final
  $moonbit.enum
  (struct
   (field  i32)
   (field  (ref $moonbit.enum))
   (field  i32)
   (field  (ref $moonbit.enum)))))
(type $_M0TP28tollgate5guest6Frames
 (struct
  (field  (mut i32))
  (field  (ref $moonbit.array_i32))))
(rec
 (type $_M0CTWiEu
  (func
   (param (ref $_M0TWiEu)) (param i32)
   (result i32)))
 (type $_M0TWiEu
  (sub
   (struct
    (field  (mut (ref null $_M0CTWiEu)))))))
(type $_M0R47_24tollgate_2fguest_2ehandle_2eanon__u94__l92__
 (sub
  $_M0TWiEu
  (struct
   (field  (mut (ref null $_M0CTWiEu)))
   (field  (mut (ref null $moonbit.array_i32))))))
(elem
 declare
 func
 $_M0FP28tollgate5guest6handleC94l92)
(global $_M0FP28tollgate5guest6frames
 (mut (ref null $_M0TP28tollgate5guest6Frames))
 (ref.null $_M0TP28tollgate5guest6Frames)
)
(global $moonbit.constr/0
 (ref $moonbit.enum)
 (i32.const 0)
 (struct.new $moonbit.enum)
)
(func $inline$99 (param i32) (param i32)
 (i32.store
  (local.get 0)
  (local.get 1)))
(func $inline$100 (param i32) (param i32)
 (i32.store8
  (local.get 0)
  (local.get 1)))
(func $inline$101 (param i32) (result i32)
 (i32.load
  (local.get 0)))
(func $inline$102 (param i32) (result i32)
 (i32.load8_u
  (local.get 0)))
(func $_M0FP28tollgate5guest6handle (result i32)
 (local $_M0L4readS74 i32)
 (local $_M0L1iS76 i32)
 (local $_M0L3endS78 (ref $moonbit.array_i32))
 (local $_M0Lm4treeS72 (ref $moonbit.enum))
 (local $_M0Lm6lengthS73 i32)
 (local.set $_M0Lm4treeS72
  (global.get $moonbit.constr/0))
 (local.set $_M0Lm6lengthS73
  (i32.const 0))
 (block $break:75
  (loop $loop:75
   (drop
    (call $_M0FP28tollgate5guest7store32
     (i32.const 1024)
     (i32.const 2048)))
   (drop
    (call $_M0FP28tollgate5guest7store32
     (i32.const 1028)
     (i32.const 4096)))
   (call $_M0FP28tollgate5guest8fd__read
    (i32.const 0)
    (i32.const 1024)
    (i32.const 1)
    (i32.const 1032))
   (if
    (i32.ne
     (i32.const 0))
    (then
     (i32.const 1)
     (return))
    (else))
   (if
    (i32.eq
     (local.tee $_M0L4readS74
      (call $_M0FP28tollgate5guest6load32
       (i32.const 1032)))
     (i32.const 0))
    (then
     (br $break:75))
    (else))
   (i32.const 0)
   (loop $loop:77 (param i32)
    (local.tee $_M0L1iS76)
    (local.get $_M0L4readS74)
    (i32.lt_s)
    (if
     (then
      (local.set $_M0Lm4treeS72
       (call $_M0FP28tollgate5guest6insert
        (local.get $_M0Lm4treeS72)
        (call $_M0FP28tollgate5guest5load8
         (i32.add
          (i32.const 2048)
          (local.get $_M0L1iS76)))))
      (i32.add
       (local.get $_M0L1iS76)
       (i32.const 1))
      (br $loop:77))
     (else)))
   (local.set $_M0Lm6lengthS73
    (i32.add
     (local.get $_M0Lm6lengthS73)
     (local.get $_M0L4readS74)))
   (br $loop:75)))
 (array.set $moonbit.array_i32
  (struct.get $_M0TP28tollgate5guest6Frames 1
   (ref.as_non_null
    (global.get $_M0FP28tollgate5guest6frames)))
  (i32.rem_s
   (struct.get $_M0TP28tollgate5guest6Frames 0
    (ref.as_non_null
     (global.get $_M0FP28tollgate5guest6frames)))
   (i32.const 16))
  (local.get $_M0Lm6lengthS73))
 (struct.set $_M0TP28tollgate5guest6Frames 0
  (ref.as_non_null
   (global.get $_M0FP28tollgate5guest6frames))
  (i32.add
   (struct.get $_M0TP28tollgate5guest6Frames 0
    (ref.as_non_null
     (global.get $_M0FP28tollgate5guest6frames)))
   (i32.const 1)))
 (local.set $_M0L3endS78
  (array.new $moonbit.array_i32
   (i32.const 0)
   (i32.const 1)))
 (drop
  (call $_M0FP28tollgate5guest4each
   (local.get $_M0Lm4treeS72)
   (struct.new $_M0R47_24tollgate_2fguest_2ehandle_2eanon__u94__l92__
    (ref.func $_M0FP28tollgate5guest6handleC94l92)
    (local.get $_M0L3endS78))))
 (drop
  (call $_M0FP28tollgate5guest7store32
   (i32.const 1024)
   (i32.const 2048)))
 (drop
  (call $_M0FP28tollgate5guest7store32
   (i32.const 1028)
   (array.get $moonbit.array_i32
    (local.get $_M0L3endS78)
    (i32.const 0))))
 (call $_M0FP28tollgate5guest9fd__write
  (i32.const 1)
  (i32.const 1024)
  (i32.const 1)
  (i32.const 1032)))
(export "handle" (func $_M0FP28tollgate5guest6handle))
(func $_M0FP28tollgate5guest6handleC94l92 (type $_M0CTWiEu) (param $_M0L6_2aenvS95 (ref $_M0TWiEu)) (param $_M0L5valueS79 i32) (result i32)
 (local $_M0L3endS78 (ref $moonbit.array_i32))
 (local $_M0L14_2acasted__envS96 (ref $_M0R47_24tollgate_2fguest_2ehandle_2eanon__u94__l92__))
 (local.set $_M0L3endS78
  (ref.as_non_null
   (struct.get $_M0R47_24tollgate_2fguest_2ehandle_2eanon__u94__l92__ 1
    (local.tee $_M0L14_2acasted__envS96
     (ref.cast (ref $_M0R47_24tollgate_2fguest_2ehandle_2eanon__u94__l92__)
      (local.get $_M0L6_2aenvS95))))))
 (drop
  (call $_M0FP28tollgate5guest6store8
   (i32.add
    (i32.const 2048)
    (array.get $moonbit.array_i32
     (local.get $_M0L3endS78)
     (i32.const 0)))
   (local.get $_M0L5valueS79)))
 (array.set $moonbit.array_i32
  (local.get $_M0L3endS78)
  (i32.const 0)
  (i32.add
   (array.get $moonbit.array_i32
    (local.get $_M0L3endS78)
    (i32.const 0))
   (i32.const 1)))
 (i32.const 0))
(func $_M0FP28tollgate5guest4each (param $_M0L4treeS71 (ref $moonbit.enum)) (param $_M0L5visitS69 (ref $_M0TWiEu)) (result i32)
 (local $_M0L4treeS64 (ref $moonbit.enum))
 (local $_M0L7_2aNodeS65 (ref $_M0DTP28tollgate5guest4Tree4Node))
 (local $_M0L7_2aleftS66 (ref $moonbit.enum))
 (local $_M0L6_2aownS67 i32)
 (local $_M0L8_2arightS68 (ref $moonbit.enum))
 (local $_M0L3tagS97 i32)
 (local.get $_M0L4treeS71)
 (loop $loop:70 (param (ref $moonbit.enum))
  (local.tee $_M0L4treeS64)
  (struct.get $moonbit.enum 0)
  (local.tee $_M0L3tagS97)
  (i32.const 0)
  (i32.eq)
  (if
   (then)
   (else
    (local.set $_M0L7_2aleftS66
     (struct.get $_M0DTP28tollgate5guest4Tree4Node 1
      (local.tee $_M0L7_2aNodeS65
       (ref.cast (ref $_M0DTP28tollgate5guest4Tree4Node)
        (local.get $_M0L4treeS64)))))
    (local.set $_M0L6_2aownS67
     (struct.get $_M0DTP28tollgate5guest4Tree4Node 2
      (local.get $_M0L7_2aNodeS65)))
    (local.set $_M0L8_2arightS68
     (struct.get $_M0DTP28tollgate5guest4Tree4Node 3
      (local.get $_M0L7_2aNodeS65)))
    (drop
     (call $_M0FP28tollgate5guest4each
      (local.get $_M0L7_2aleftS66)
      (local.get $_M0L5visitS69)))
    (drop
     (call_ref $_M0CTWiEu
      (local.get $_M0L5visitS69)
      (local.get $_M0L6_2aownS67)
      (struct.get $_M0TWiEu 0
       (local.get $_M0L5visitS69))))
    (local.get $_M0L8_2arightS68)
    (br $loop:70))))
 (i32.const 0))
(func $_M0FP28tollgate5guest6insert (param $_M0L4treeS58 (ref $moonbit.enum)) (param $_M0L5valueS59 i32) (result (ref $moonbit.enum))
 (local $_M0L7_2aNodeS60 (ref $_M0DTP28tollgate5guest4Tree4Node))
 (local $_M0L7_2aleftS61 (ref $moonbit.enum))
 (local $_M0L6_2aownS62 i32)
 (local $_M0L8_2arightS63 (ref $moonbit.enum))
 (local $_M0L3tagS98 i32)
 (if (result (ref $moonbit.enum))
  (i32.eq
   (local.tee $_M0L3tagS98
    (struct.get $moonbit.enum 0
     (local.get $_M0L4treeS58)))
   (i32.const 0))
  (then
   (struct.new $_M0DTP28tollgate5guest4Tree4Node
    (i32.const 1)
    (global.get $moonbit.constr/0)
    (local.get $_M0L5valueS59)
    (global.get $moonbit.constr/0)))
  (else
   (local.set $_M0L7_2aleftS61
    (struct.get $_M0DTP28tollgate5guest4Tree4Node 1
     (local.tee $_M0L7_2aNodeS60
      (ref.cast (ref $_M0DTP28tollgate5guest4Tree4Node)
       (local.get $_M0L4treeS58)))))
   (local.set $_M0L6_2aownS62
    (struct.get $_M0DTP28tollgate5guest4Tree4Node 2
     (local.get $_M0L7_2aNodeS60)))
   (local.set $_M0L8_2arightS63
    (struct.get $_M0DTP28tollgate5guest4Tree4Node 3
     (local.get $_M0L7_2aNodeS60)))
   (if (result (ref $moonbit.enum))
    (i32.lt_s
     (local.get $_M0L5valueS59)
     (local.get $_M0L6_2aownS62))
    (then
     (struct.new $_M0DTP28tollgate5guest4Tree4Node
      (i32.const 1)
      (call $_M0FP28tollgate5guest6insert
       (local.get $_M0L7_2aleftS61)
       (local.get $_M0L5valueS59))
      (local.get $_M0L6_2aownS62)
      (local.get $_M0L8_2arightS63)))
    (else
     (if (result (ref $moonbit.enum))
      (i32.gt_s
       (local.get $_M0L5valueS59)
       (local.get $_M0L6_2aownS62))
      (then
       (struct.new $_M0DTP28tollgate5guest4Tree4Node
        (i32.const 1)
        (local.get $_M0L7_2aleftS61)
        (local.get $_M0L6_2aownS62)
        (call $_M0FP28tollgate5guest6insert
         (local.get $_M0L8_2arightS63)
         (local.get $_M0L5valueS59))))
      (else
       (local.get $_M0L4treeS58))))))))
(func $_M0FP28tollgate5guest7store32 (param $_M0L8_2aparamS92 i32) (param $_M0L8_2aparamS93 i32) (result i32)
 (call $inline$99
  (local.get $_M0L8_2aparamS92)
  (local.get $_M0L8_2aparamS93))
 (i32.const 0))
(func $_M0FP28tollgate5guest6store8 (param $_M0L8_2aparamS90 i32) (param $_M0L8_2aparamS91 i32) (result i32)
 (call $inline$100
  (local.get $_M0L8_2aparamS90)
  (local.get $_M0L8_2aparamS91))
 (i32.const 0))
(func $_M0FP28tollgate5guest6load32 (param $_M0L8_2aparamS89 i32) (result i32)
 (call $inline$101
  (local.get $_M0L8_2aparamS89)))
(func $_M0FP28tollgate5guest5load8 (param $_M0L8_2aparamS88 i32) (result i32)
 (call $inline$102
  (local.get $_M0L8_2aparamS88)))
(func $_M0FP28tollgate5guest9fd__write (param $_M0L8_2aparamS84 i32) (param $_M0L8_2aparamS85 i32) (param $_M0L8_2aparamS86 i32) (param $_M0L8_2aparamS87 i32) (result i32)
 (call $wasi_snapshot_preview1.fd_write.0
  (local.get $_M0L8_2aparamS84)
  (local.get $_M0L8_2aparamS85)
  (local.get $_M0L8_2aparamS86)
  (local.get $_M0L8_2aparamS87)))
(func $_M0FP28tollgate5guest8fd__read (param $_M0L8_2aparamS80 i32) (param $_M0L8_2aparamS81 i32) (param $_M0L8_2aparamS82 i32) (param $_M0L8_2aparamS83 i32) (result i32)
 (call $wasi_snapshot_preview1.fd_read.1
  (local.get $_M0L8_2aparamS80)
  (local.get $_M0L8_2aparamS81)
  (local.get $_M0L8_2aparamS82)
  (local.get $_M0L8_2aparamS83)))
(start $_M0FP017____moonbit__init)
(func $_M0FP017____moonbit__init
 (global.set $_M0FP28tollgate5guest6frames
  (struct.new $_M0TP28tollgate5guest6Frames
   (i32.const 0)
   (array.new $moonbit.array_i32
    (i32.const 0)
    (i32.const 16)))))
(export "memory" (memory $moonbit.memory))
