"""The flow over quantised DCT coefficients of JPEG files: networks, and mixtures on integers.

What codes with it sees this::

    model = bundled_jpeg_model()               # core.flows.jpeg.loading; .id, .file
    walk = model.walk(role, rows, columns, table, given)
    for number in range(walk.n_waves):
        wave = walk.begin(number)              # networks for all blocks of a wavefront
        code(wave, ...)                        # compiled; sets wave.x, coefficient by coefficient
        walk.end(number)                       # wave.x is known from now on; the last layer learns

* ``role``: 0 luma (also grey, and what else is coded by itself), 1 the first chroma component, 2
  the second. ``table``: (64,) in zigzag order, as all coefficients are. ``given``: what is known as
  a whole, as int32 dequantised blocks (R, C, 64) at the resolution of the component that is coded
  (``model.averaged``, of :func:`core.flows.jpeg.planes.dequantised` blocks): nothing, luma, or luma
  and the first chroma component.
* Waves are the coding order: wave number w has the blocks (r, c) with c + 2 r = w, by increasing r
  (``wave.rows``, ``wave.columns``: (n,) int32). Encoder and decoder go through the same ones;
  ``walk.coefficients`` (R, C, 64) int16 has what is known. Nothing else depends on their sizes.
* Inside of a wave, coefficient by coefficient (all blocks of k before k + 1), compiled functions
  of :mod:`core.flows.jpeg.wave` for use in compiled loops::

      for k in range(64):
          predict(wave, k)                     # mixtures of coefficient k of all n blocks
          for b in range(n):
              # edge(wave.weights, wave.means, wave.inverse, b, h): F(h - 1/2) of block b's mixture,
              # an integer from 0 to 2^24,
              # so the probability of 0 is the difference of those at 1 and 0, over 2^24. Rounded:
              # it may be 0, and is not strictly increasing; who codes keeps a floor of their own.
              # wave.centre[b]: the mixture's mean in quantised steps, rounded, int32.
              wave.x[b, k] = ...               # known (encoder) or decoded
          accept(wave, k)                      # what follows in the blocks depends on it

All of it is exact: integers that float32 holds, or IEEE + - * / sqrt in written order.
"""
