;; The leanest command: a WASI preview 1 module that copies stdin to stdout. It ends with exit code 1 when either fails.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  (memory (export "memory") 2)

  ;; At 0 a buffer's address and length for the calls, at 8 how much they moved; the bytes from 1024 on.
  (global $buffer i32 (i32.const 0))
  (global $moved i32 (i32.const 8))
  (global $bytes i32 (i32.const 1024))

  (func (export "_start")
    (local $start i32) (local $left i32)
    (loop $more
      (i32.store (global.get $buffer) (global.get $bytes))
      (i32.store offset=4 (global.get $buffer) (i32.const 65536))
      (if (call $fd_read (i32.const 0) (global.get $buffer) (i32.const 1) (global.get $moved))
        (then (call $proc_exit (i32.const 1))))
      (local.set $start (global.get $bytes))
      (local.set $left (i32.load (global.get $moved)))
      ;; Nothing read is the end of the input.
      (if (i32.eqz (local.get $left)) (then return))
      ;; A write may take a part.
      (loop $rest
        (i32.store (global.get $buffer) (local.get $start))
        (i32.store offset=4 (global.get $buffer) (local.get $left))
        (if (call $fd_write (i32.const 1) (global.get $buffer) (i32.const 1) (global.get $moved))
          (then (call $proc_exit (i32.const 1))))
        (local.set $start (i32.add (local.get $start) (i32.load (global.get $moved))))
        (local.set $left (i32.sub (local.get $left) (i32.load (global.get $moved))))
        (br_if $rest (local.get $left)))
      (br $more))))
