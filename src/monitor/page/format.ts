/**
 * Numbers, sizes, durations and times as people read them. All pages use it. IDs may be larger than a number holds, so
 * they come and go as texts.
 */

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export function formatCount(value: number | undefined): string {
  return value === undefined ? '' : whole.format(value);
}

/** An ID, with groups of three digits. */
export function formatId(id: string | null | undefined): string {
  return id === null || id === undefined ? '' : id.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A large count in little room: 1.2 M. */
export function formatShort(value: number): string {
  const units: [number, string][] = [
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'k'],
  ];
  const unit = units.find(([size]) => value >= size * 0.9995);
  if (!unit) return whole.format(value);
  const scaled = value / unit[0];
  return `${scaled >= 99.95 ? scaled.toFixed(0) : scaled.toFixed(1)} ${unit[1]}`;
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let scaled = bytes;
  let unit = 0;
  while (scaled >= 1023.5 && unit < units.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${scaled.toFixed(scaled < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** 340 ms, 2.3 s, 4 min 05 s, 3 h 12 min, 2 d 4 h. */
export function formatDuration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '';
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A time in the viewer's zone: the day is left out today. */
export function formatTime(iso: string | undefined, now = Date.now()): string {
  if (iso === undefined) return '';
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const time = at.toLocaleTimeString('en-GB');
  if (at.toDateString() === new Date(now).toDateString()) return time;
  const sameYear = at.getFullYear() === new Date(now).getFullYear();
  const day = at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', ...(!sameYear && { year: 'numeric' }) });
  return `${day}, ${time}`;
}

export function formatRate(rows: number, ms: number | undefined): string {
  if (!ms || rows === 0) return '';
  return `${formatShort((rows / ms) * 1000)} rows/s`;
}

/** "1 file", "2 files". */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
