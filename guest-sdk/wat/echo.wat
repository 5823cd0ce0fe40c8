;; The leanest plugin: it gives back its input. No imports, no library, a bump allocator.
;; It shows what the toolchains do for their languages, and is what the tests and the benchmark measure the host itself with.
(component
  (core module $echo
    (memory (export "memory") 1)

    ;; What `describe` gives: a record `description` at 8, and its texts.
    ;; name, version and title are each an address and a length.
    (data (i32.const 8)
      "\50\00\00\00" "\04\00\00\00"
      "\54\00\00\00" "\05\00\00\00"
      "\59\00\00\00" "\10\00\00\00"
      ;; No schemas: the case `none` and two words that say nothing.
      "\00\00\00\00" "\00\00\00\00" "\00\00\00\00"
      "\00\00\00\00" "\00\00\00\00" "\00\00\00\00"
      ;; No capabilities; one example at 112.
      "\00\00\00\00" "\00\00\00\00"
      "\70\00\00\00" "\01\00\00\00")
    (data (i32.const 80) "echo" "1.0.0" "Gives back input")
    ;; The example: title, input, and the same as `some` output.
    (data (i32.const 112)
      "\8c\00\00\00" "\08\00\00\00"
      "\94\00\00\00" "\0d\00\00\00"
      "\01\00\00\00" "\94\00\00\00" "\0d\00\00\00")
    (data (i32.const 140) "A number" "{\"number\": 1}")

    ;; What `run` gives: a result at 168, of its case and the text's address and length.
    (global $result i32 (i32.const 168))
    ;; Where the next allocation begins.
    (global $free (mut i32) (i32.const 256))

    (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
      (local $start i32) (local $end i32) (local $missing i32)
      (local.set $start
        (i32.and
          (i32.add (global.get $free) (i32.sub (local.get $align) (i32.const 1)))
          (i32.sub (i32.const 0) (local.get $align))))
      (local.set $end (i32.add (local.get $start) (local.get $size)))
      ;; Past 4 GiB, or more than there is.
      (if (i32.lt_u (local.get $end) (local.get $start)) (then unreachable))
      (local.set $missing (i32.sub
        (i32.add (i32.shr_u (local.get $end) (i32.const 16)) (i32.const 1))
        (memory.size)))
      (if (i32.gt_s (local.get $missing) (i32.const 0))
        (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then unreachable))))
      (if (local.get $old_size)
        (then (memory.copy (local.get $start) (local.get $old) (local.get $old_size))))
      (global.set $free (local.get $end))
      (local.get $start))

    (func (export "describe") (result i32)
      (i32.const 8))

    ;; The input, and the fields of the context one after the other.
    (func (export "run")
      (param $input i32) (param $input_length i32)
      (param $run i32) (param $run_length i32)
      (param $workflow i32) (param $workflow_length i32)
      (param $step i32) (param $step_length i32)
      (param $attempt i32)
      (param $key i32) (param $key_length i32)
      (param $now_ms i64)
      (result i32)
      (i32.store8 (global.get $result) (i32.const 0))
      (i32.store offset=4 (global.get $result) (local.get $input))
      (i32.store offset=8 (global.get $result) (local.get $input_length))
      (global.get $result)))

  (core instance $core (instantiate $echo))
  (alias core export $core "memory" (core memory $memory))
  (alias core export $core "cabi_realloc" (core func $realloc))
  (alias core export $core "describe" (core func $core_describe))
  (alias core export $core "run" (core func $core_run))

  (type $error (record (field "code" string) (field "message" string) (field "retry" bool)))
  (type $context (record
    (field "run" string)
    (field "workflow" string)
    (field "step" string)
    (field "attempt" u32)
    (field "idempotency-key" string)
    (field "now-ms" u64)))
  (type $example (record (field "title" string) (field "input" string) (field "output" (option string))))
  (type $description (record
    (field "name" string)
    (field "version" string)
    (field "title" string)
    (field "input-schema" (option string))
    (field "output-schema" (option string))
    (field "capabilities" (list string))
    (field "examples" (list $example))))

  (func $describe (result $description)
    (canon lift (core func $core_describe) (memory $memory)))
  (func $run (param "input" string) (param "context" $context) (result (result string (error $error)))
    (canon lift (core func $core_run) (memory $memory) (realloc $realloc)))

  ;; An exported function may only speak of exported types, so the interface is an instance that exports both.
  (component $interface
    (type $error_ (record (field "code" string) (field "message" string) (field "retry" bool)))
    (import "error" (type $error (eq $error_)))
    (type $context_ (record
      (field "run" string)
      (field "workflow" string)
      (field "step" string)
      (field "attempt" u32)
      (field "idempotency-key" string)
      (field "now-ms" u64)))
    (import "context" (type $context (eq $context_)))
    (type $example_ (record (field "title" string) (field "input" string) (field "output" (option string))))
    (import "example" (type $example (eq $example_)))
    (type $description_ (record
      (field "name" string)
      (field "version" string)
      (field "title" string)
      (field "input-schema" (option string))
      (field "output-schema" (option string))
      (field "capabilities" (list string))
      (field "examples" (list $example))))
    (import "description" (type $description (eq $description_)))
    (import "describe" (func $describe (result $description)))
    (import "run" (func $run (param "input" string) (param "context" $context) (result (result string (error $error)))))

    (export $the_error "error" (type $error))
    (export $the_context "context" (type $context))
    (export $the_example "example" (type $example))
    (type $exported_ (record
      (field "name" string)
      (field "version" string)
      (field "title" string)
      (field "input-schema" (option string))
      (field "output-schema" (option string))
      (field "capabilities" (list string))
      (field "examples" (list $the_example))))
    (export $the_description "description" (type $description) (type (eq $exported_)))
    (export "describe" (func $describe) (func (result $the_description)))
    (export "run" (func $run)
      (func (param "input" string) (param "context" $the_context) (result (result string (error $the_error))))))

  (instance $handler (instantiate $interface
    (with "error" (type $error))
    (with "context" (type $context))
    (with "example" (type $example))
    (with "description" (type $description))
    (with "describe" (func $describe))
    (with "run" (func $run))))
  (export "flowcell:plugin/handler@1.0.0" (instance $handler)))
