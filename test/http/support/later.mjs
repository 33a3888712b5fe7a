/**
 * Preloaded (`NODE_OPTIONS=--import`) into a host and its workers: by their clock it is `LATER_DAYS` later. The storage
 * keeps its own clock, so what was written a moment ago is old to them.
 */
const aheadMs = Number(process.env.LATER_DAYS ?? 0) * 86_400_000;
const Real = Date;

globalThis.Date = class extends Real {
  constructor(...given) {
    if (given.length === 0) super(Real.now() + aheadMs);
    else super(...given);
  }

  static now() {
    return Real.now() + aheadMs;
  }
};
