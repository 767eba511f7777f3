;; Two passes of Pillow's resampling for eight bits a channel (src/libImaging/Resample.c, ImagingResampleHorizontal_8bpc and
;; ImagingResampleVertical_8bpc), four sums at a time. Sums are fixed point with 22 bits after the point and begin at a half,
;; so that the shift rounds. Each pass reads up to 16 bytes past what it needs and writes up to 16 past its target.
(module
  (memory (export "memory") 1)

  ;; Squeezes `rows` rows of `$channels` interleaved channels, 1 to 4, to `width` pixels each.
  (func (export "resampleRows")
    (param $source i32) (param $sourceRowBytes i32) (param $rows i32) (param $channels i32)
    (param $target i32) (param $width i32)
    (param $first i32) (param $count i32) (param $weights i32) (param $weightBytes i32)
    (local $x i32) (local $pixel i32) (local $weight i32) (local $end i32) (local $sum v128)
    (block $done
      (loop $row
        (br_if $done (i32.eqz (local.get $rows)))
        (local.set $x (i32.const 0))
        (loop $column
          (local.set $sum (i32x4.splat (i32.const 0x200000)))
          (local.set $pixel
            (i32.add
              (local.get $source)
              (i32.mul
                (i32.load (i32.add (local.get $first) (i32.shl (local.get $x) (i32.const 2))))
                (local.get $channels))))
          (local.set $weight
            (i32.add (local.get $weights) (i32.mul (local.get $x) (local.get $weightBytes))))
          (local.set $end
            (i32.add
              (local.get $weight)
              (i32.shl
                (i32.load (i32.add (local.get $count) (i32.shl (local.get $x) (i32.const 2))))
                (i32.const 2))))
          (loop $tap
            (local.set $sum
              (i32x4.add
                (local.get $sum)
                (i32x4.mul
                  (i32x4.extend_low_i16x8_u
                    (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $pixel))))
                  (v128.load32_splat (local.get $weight)))))
            (local.set $pixel (i32.add (local.get $pixel) (local.get $channels)))
            (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
            (br_if $tap (i32.lt_u (local.get $weight) (local.get $end))))
          ;; Four bytes are written for up to four channels: what is too much, the next pixel overwrites.
          (local.set $sum (i32x4.shr_s (local.get $sum) (i32.const 22)))
          (local.set $sum (i16x8.narrow_i32x4_s (local.get $sum) (local.get $sum)))
          (v128.store32_lane 0
            (local.get $target)
            (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
          (local.set $target (i32.add (local.get $target) (local.get $channels)))
          (local.set $x (i32.add (local.get $x) (i32.const 1)))
          (br_if $column (i32.lt_u (local.get $x) (local.get $width))))
        (local.set $source (i32.add (local.get $source) (local.get $sourceRowBytes)))
        (local.set $rows (i32.sub (local.get $rows) (i32.const 1)))
        (br $row))))

  ;; Squeezes rows of `rowBytes` bytes to `height` rows, sixteen bytes at a time.
  (func (export "resampleColumns")
    (param $source i32) (param $rowBytes i32)
    (param $target i32) (param $height i32)
    (param $first i32) (param $count i32) (param $weights i32) (param $weightBytes i32)
    (local $y i32) (local $x i32) (local $top i32) (local $pixel i32)
    (local $start i32) (local $weight i32) (local $end i32)
    (local $bytes v128) (local $low v128) (local $high v128) (local $scale v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (loop $row
      (local.set $top
        (i32.add
          (local.get $source)
          (i32.mul
            (i32.load (i32.add (local.get $first) (i32.shl (local.get $y) (i32.const 2))))
            (local.get $rowBytes))))
      (local.set $start
        (i32.add (local.get $weights) (i32.mul (local.get $y) (local.get $weightBytes))))
      (local.set $end
        (i32.add
          (local.get $start)
          (i32.shl
            (i32.load (i32.add (local.get $count) (i32.shl (local.get $y) (i32.const 2))))
            (i32.const 2))))
      (local.set $x (i32.const 0))
      (loop $sixteen
        (local.set $a (i32x4.splat (i32.const 0x200000)))
        (local.set $b (local.get $a))
        (local.set $c (local.get $a))
        (local.set $d (local.get $a))
        (local.set $pixel (i32.add (local.get $top) (local.get $x)))
        (local.set $weight (local.get $start))
        (loop $tap
          (local.set $bytes (v128.load (local.get $pixel)))
          (local.set $scale (v128.load32_splat (local.get $weight)))
          (local.set $low (i16x8.extend_low_i8x16_u (local.get $bytes)))
          (local.set $high (i16x8.extend_high_i8x16_u (local.get $bytes)))
          (local.set $a
            (i32x4.add (local.get $a)
              (i32x4.mul (i32x4.extend_low_i16x8_u (local.get $low)) (local.get $scale))))
          (local.set $b
            (i32x4.add (local.get $b)
              (i32x4.mul (i32x4.extend_high_i16x8_u (local.get $low)) (local.get $scale))))
          (local.set $c
            (i32x4.add (local.get $c)
              (i32x4.mul (i32x4.extend_low_i16x8_u (local.get $high)) (local.get $scale))))
          (local.set $d
            (i32x4.add (local.get $d)
              (i32x4.mul (i32x4.extend_high_i16x8_u (local.get $high)) (local.get $scale))))
          (local.set $pixel (i32.add (local.get $pixel) (local.get $rowBytes)))
          (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
          (br_if $tap (i32.lt_u (local.get $weight) (local.get $end))))
        (v128.store
          (i32.add (local.get $target) (local.get $x))
          (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s (local.get $a) (i32.const 22))
              (i32x4.shr_s (local.get $b) (i32.const 22)))
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s (local.get $c) (i32.const 22))
              (i32x4.shr_s (local.get $d) (i32.const 22)))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br_if $sixteen (i32.lt_u (local.get $x) (local.get $rowBytes))))
      (local.set $target (i32.add (local.get $target) (local.get $rowBytes)))
      (local.set $y (i32.add (local.get $y) (i32.const 1)))
      (br_if $row (i32.lt_u (local.get $y) (local.get $height))))))
