;; Dot products of one query with rows of 32-bit floats, 16 numbers a turn.
;; Rows and query are padded with zeros to a multiple of 16 numbers (64 bytes).
;; Kernel.ts holds this module as base64; a test compares it with plain JavaScript.
(module
  (import "env" "memory" (memory 1))

  (func $row (param $q i32) (param $p i32) (param $stride i32) (result f32)
    (local $end i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $end (i32.add (local.get $p) (local.get $stride)))
    (loop $next
      (local.set $a (f32x4.add (local.get $a)
        (f32x4.mul (v128.load (local.get $p)) (v128.load (local.get $q)))))
      (local.set $b (f32x4.add (local.get $b)
        (f32x4.mul (v128.load offset=16 (local.get $p)) (v128.load offset=16 (local.get $q)))))
      (local.set $c (f32x4.add (local.get $c)
        (f32x4.mul (v128.load offset=32 (local.get $p)) (v128.load offset=32 (local.get $q)))))
      (local.set $d (f32x4.add (local.get $d)
        (f32x4.mul (v128.load offset=48 (local.get $p)) (v128.load offset=48 (local.get $q)))))
      (local.set $q (i32.add (local.get $q) (i32.const 64)))
      (local.set $p (i32.add (local.get $p) (i32.const 64)))
      (br_if $next (i32.lt_u (local.get $p) (local.get $end))))
    (local.set $a (f32x4.add
      (f32x4.add (local.get $a) (local.get $b))
      (f32x4.add (local.get $c) (local.get $d))))
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
      (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))

  ;; Rows 0 to n of the block at 0; the products go to $out.
  (func (export "all") (param $q i32) (param $stride i32) (param $n i32) (param $out i32)
    (local $i i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (f32.store (i32.add (local.get $out) (i32.shl (local.get $i) (i32.const 2)))
          (call $row (local.get $q) (i32.mul (local.get $i) (local.get $stride)) (local.get $stride)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next))))

  ;; The n rows whose numbers stand at $list.
  (func (export "some") (param $q i32) (param $stride i32) (param $list i32) (param $n i32) (param $out i32)
    (local $i i32) (local $at i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $at (i32.shl (local.get $i) (i32.const 2)))
        (f32.store (i32.add (local.get $out) (local.get $at))
          (call $row
            (local.get $q)
            (i32.mul (i32.load (i32.add (local.get $list) (local.get $at))) (local.get $stride))
            (local.get $stride)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))))
