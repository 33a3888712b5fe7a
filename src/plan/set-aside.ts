/**
 * Files that the plan sets aside, where the pipeline says so: those whose footers showed it, and those whose columns
 * contradict what most files of the run hold. Called by the plan activity before batches are cut. Pure.
 */
import { type BadFile, checkBadFiles } from '../documents/bad-files.ts';
import type { FileShape, SourceFile } from '../documents/source-files.ts';
import { limits } from '../limits.ts';
import { typeText } from '../parquet/logical.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { widest } from '../source/widen.ts';
import { badFile, Shapes } from './summarize-file.ts';

/**
 * @returns the files, those that are set aside without rows, and which they are; absent for a pipeline whose bad files
 *   fail the run
 * @throws `TooManyBadFiles` where there are more than the pipeline allows
 */
export function setFilesAside(
  pipeline: CompiledPipeline,
  files: readonly SourceFile[],
): { files: readonly SourceFile[]; badFiles?: BadFile[] } {
  if (!pipeline.badFiles) return { files };
  const odd = oddShapes(pipeline, files);
  const shapes = new Shapes();
  const used = files.map((file) => {
    const reason = odd.get(file.shape);
    if (file.bad || reason === undefined) return file;
    return badFile(pipeline, file, { code: 'ColumnTypeMismatch', reason }, shapes);
  });
  const bad = used.flatMap(({ blob, bad: why }, file) => (why ? [{ file, blob, ...why }] : []));
  checkBadFiles(pipeline, bad, files.length);
  return { files: used, badFiles: bad.map(({ file, code, reason }) => ({ file, code, reason })) };
}

/** Shapes with a column whose type no type holds together with that of most files, and why. */
function oddShapes(pipeline: CompiledPipeline, files: readonly SourceFile[]): Map<FileShape, string> {
  const counts = new Map<FileShape, number>();
  for (const { bad, shape } of files) if (!bad) counts.set(shape, (counts.get(shape) ?? 0) + 1);
  // The most frequent first; the order of the files decides between equals.
  const shapes = [...counts].sort(([, a], [, b]) => b - a);
  const odd = new Map<FileShape, string>();
  for (const [c, { name }] of pipeline.contract.entries()) {
    // Shapes whose types one type holds here.
    const groups: { wide: ColumnType; files: number; shapes: FileShape[] }[] = [];
    for (const [shape, count] of shapes) {
      const { type, empty } = shape.columns[c]!;
      if (empty || odd.has(shape)) continue;
      const group = groups.find(({ wide }) => widest(wide, type)) ?? { wide: type, files: 0, shapes: [] };
      if (group.files === 0) groups.push(group);
      group.wide = widest(group.wide, type)!;
      group.files += count;
      group.shapes.push(shape);
    }
    const [most, ...others] = groups.sort((a, b) => b.files - a.files);
    const typeIn = (shape: FileShape) => typeText(shape.columns[c]!.type);
    for (const shape of others.flatMap((group) => group.shapes)) {
      const reason = `column "${name}" is ${typeIn(shape)} here but ${typeIn(most!.shapes[0]!)} in most files`;
      odd.set(shape, reason.slice(0, limits.badFileReasonMax));
    }
  }
  return odd;
}
