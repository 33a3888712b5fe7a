/**
 * A store in one SQLite file, which survives restarts and crashes. `host.ts` opens it. Only one host may use a file at
 * a time, and a commit must happen as a whole or not at all.
 */
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type {
  ActivityWork,
  Change,
  EntityRecord,
  InstanceRecord,
  StoredMessage,
  TimerStatus,
} from '../engine/model.ts';
import type { Committed, EntityQuery, InstanceQuery, Store } from './store.ts';

const schemaVersion = 1;

const schema = `
  CREATE TABLE IF NOT EXISTS instances (
    instance_id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, status TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS history (
    instance_id TEXT NOT NULL, position INTEGER NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY (instance_id, position)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS entities (
    entity_id TEXT PRIMARY KEY, present INTEGER NOT NULL, updated_at INTEGER NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, visible_at INTEGER NOT NULL, message TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS messages_by_target ON messages (target, seq);
  CREATE TABLE IF NOT EXISTS timers (name TEXT PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS work (seq INTEGER PRIMARY KEY AUTOINCREMENT, work TEXT NOT NULL);
`;

/**
 * The host's state in one SQLite file. With write-ahead logging a commit is one append to a file, so it survives the
 * death of the process at any time. It is not forced to the disk each time: after a power failure the last commits may
 * be missing, each as a whole, and their work is done again. The file is locked as long as the host runs.
 */
export class SqliteStore implements Store {
  private readonly db: DatabaseSync;
  private readonly statements = new Map<string, StatementSync>();

  /**
   * Opens or creates `file`. Waits up to `lockMsMax` for another host to let go of it: one that was killed may need a
   * moment to end. @throws when it is in use by another host, or written by a newer one.
   */
  constructor(file: string, lockMsMax = 0) {
    if (file !== ':memory:') mkdirSync(dirname(resolve(file)), { recursive: true });
    this.db = new DatabaseSync(file, { timeout: lockMsMax });
    try {
      this.db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
      this.migrate(file);
    } catch (error) {
      this.db.close();
      if (error instanceof Error && /locked|busy/i.test(error.message)) {
        throw new Error(
          `The state file ${file} is in use by another host. Stop that host, or give --state another file.`,
        );
      }
      throw error;
    }
  }

  commit(changes: readonly Change[]): Committed {
    const committed: Committed = { sent: [], work: [] };
    this.db.exec('BEGIN IMMEDIATE');
    try {
      for (const change of changes) this.apply(change, committed);
      this.db.exec('COMMIT');
    } catch (error) {
      this.db.exec('ROLLBACK');
      throw error;
    }
    return committed;
  }

  instance(instanceId: string): InstanceRecord | undefined {
    return parsed<InstanceRecord>(
      this.sql('SELECT record AS json FROM instances WHERE instance_id = ?').get(instanceId),
    );
  }

  instances(query: InstanceQuery): InstanceRecord[] {
    const conditions = ['1 = 1'];
    const values: (string | number)[] = [];
    const where = (condition: string, ...bound: (string | number)[]) => {
      conditions.push(condition);
      values.push(...bound);
    };
    const { idPrefix, createdFrom, createdTo, statuses, after } = query;
    if (idPrefix !== undefined) where('substr(instance_id, 1, ?) = ?', idPrefix.length, idPrefix);
    if (createdFrom !== undefined) where('created_at >= ?', createdFrom);
    if (createdTo !== undefined) where('created_at <= ?', createdTo);
    if (statuses !== undefined) where(`status IN (${statuses.map(() => '?').join()})`, ...statuses);
    if (after !== undefined) where('instance_id > ?', after);
    const text = `SELECT record AS json FROM instances WHERE ${conditions.join(' AND ')} ORDER BY instance_id LIMIT ?`;
    return parsedAll<InstanceRecord>(this.sql(text).all(...values, query.limit));
  }

  history(instanceId: string): string[] {
    const rows = this.sql('SELECT event FROM history WHERE instance_id = ? ORDER BY position').all(instanceId);
    return rows.map((row) => String(row.event));
  }

  entity(entityId: string): EntityRecord | undefined {
    return parsed<EntityRecord>(this.sql('SELECT record AS json FROM entities WHERE entity_id = ?').get(entityId));
  }

  entities(query: EntityQuery): EntityRecord[] {
    const prefix = query.name === undefined ? '' : `@${query.name}@`;
    const rows = this.sql(
      `SELECT record AS json FROM entities WHERE present = 1 AND substr(entity_id, 1, ?) = ?
         AND updated_at BETWEEN ? AND ? AND entity_id > ? ORDER BY entity_id LIMIT ?`,
    ).all(
      prefix.length,
      prefix,
      query.updatedFrom ?? 0,
      query.updatedTo ?? Number.MAX_SAFE_INTEGER,
      query.after ?? '',
      query.limit,
    );
    return parsedAll<EntityRecord>(rows);
  }

  inbox(target: string, now: number, limit: number): StoredMessage[] {
    const rows = this.sql(
      'SELECT seq, visible_at, message FROM messages WHERE target = ? AND visible_at <= ? ORDER BY seq LIMIT ?',
    ).all(target, now, limit);
    return rows.map((row) => ({
      seq: Number(row.seq),
      target,
      visibleAt: Number(row.visible_at),
      message: JSON.parse(String(row.message)) as StoredMessage['message'],
    }));
  }

  waitingTargets(): { target: string; visibleAt: number }[] {
    const rows = this.sql('SELECT DISTINCT target, visible_at FROM messages').all();
    return rows.map((row) => ({ target: String(row.target), visibleAt: Number(row.visible_at) }));
  }

  pendingWork(): ActivityWork[] {
    const rows = this.sql('SELECT seq, work FROM work ORDER BY seq').all();
    return rows.map((row) => ({
      ...(JSON.parse(String(row.work)) as Omit<ActivityWork, 'seq'>),
      seq: Number(row.seq),
    }));
  }

  hasWork(seq: number): boolean {
    return this.sql('SELECT 1 FROM work WHERE seq = ?').get(seq) !== undefined;
  }

  timer(name: string): TimerStatus | undefined {
    return parsed<TimerStatus>(this.sql('SELECT status AS json FROM timers WHERE name = ?').get(name));
  }

  close(): void {
    this.statements.clear();
    this.db.close();
  }

  private migrate(file: string): void {
    const found = Number(this.sql('PRAGMA user_version').get()?.user_version ?? 0);
    if (found > schemaVersion)
      throw new Error(`The state file ${file} was written by a newer host (version ${found}).`);
    this.db.exec(`BEGIN IMMEDIATE; ${schema} PRAGMA user_version = ${schemaVersion}; COMMIT;`);
  }

  private sql(text: string): StatementSync {
    let statement = this.statements.get(text);
    if (statement === undefined) {
      statement = this.db.prepare(text);
      this.statements.set(text, statement);
    }
    return statement;
  }

  private apply(change: Change, committed: Committed): void {
    switch (change.type) {
      case 'putInstance': {
        const { record } = change;
        this.sql('INSERT OR REPLACE INTO instances (instance_id, created_at, status, record) VALUES (?, ?, ?, ?)').run(
          record.instanceId,
          record.createdAt,
          record.status,
          JSON.stringify(record),
        );
        break;
      }
      case 'deleteInstance':
        this.sql('DELETE FROM instances WHERE instance_id = ?').run(change.instanceId);
        this.sql('DELETE FROM history WHERE instance_id = ?').run(change.instanceId);
        this.sql('DELETE FROM messages WHERE target = ?').run(change.instanceId);
        break;
      case 'appendHistory': {
        const last = this.sql('SELECT MAX(position) AS position FROM history WHERE instance_id = ?');
        const length = Number(last.get(change.instanceId)?.position ?? -1) + 1;
        if (length !== change.from) {
          throw new Error(`The history of ${change.instanceId} has ${length} events, not ${change.from}.`);
        }
        const insert = this.sql('INSERT INTO history (instance_id, position, event) VALUES (?, ?, ?)');
        change.events.forEach((event, index) => {
          insert.run(change.instanceId, change.from + index, event);
        });
        break;
      }
      case 'clearHistory':
        this.sql('DELETE FROM history WHERE instance_id = ?').run(change.instanceId);
        break;
      case 'putEntity': {
        const { record } = change;
        this.sql('INSERT OR REPLACE INTO entities (entity_id, present, updated_at, record) VALUES (?, ?, ?, ?)').run(
          record.entityId,
          record.exists ? 1 : 0,
          record.updatedAt,
          JSON.stringify(record),
        );
        break;
      }
      case 'deleteEntity':
        this.sql('DELETE FROM entities WHERE entity_id = ?').run(change.entityId);
        break;
      case 'send':
        this.sql('INSERT INTO messages (target, visible_at, message) VALUES (?, ?, ?)').run(
          change.target,
          change.visibleAt,
          JSON.stringify(change.message),
        );
        committed.sent.push({ target: change.target, visibleAt: change.visibleAt });
        break;
      case 'consume': {
        const remove = this.sql('DELETE FROM messages WHERE seq = ?');
        for (const seq of change.seqs) remove.run(seq);
        break;
      }
      case 'clearInbox':
        this.sql('DELETE FROM messages WHERE target = ?').run(change.target);
        break;
      case 'addWork': {
        const { lastInsertRowid } = this.sql('INSERT INTO work (work) VALUES (?)').run(JSON.stringify(change.work));
        committed.work.push({ ...change.work, seq: Number(lastInsertRowid) });
        break;
      }
      case 'putTimer':
        this.sql('INSERT OR REPLACE INTO timers (name, status) VALUES (?, ?)').run(
          change.name,
          JSON.stringify(change.status),
        );
        break;
      case 'removeWork':
        this.sql('DELETE FROM work WHERE seq = ?').run(change.seq);
        break;
    }
  }
}

function parsed<T>(row: Record<string, unknown> | undefined): T | undefined {
  return row === undefined ? undefined : (JSON.parse(String(row.json)) as T);
}

function parsedAll<T>(rows: Record<string, unknown>[]): T[] {
  return rows.map((row) => JSON.parse(String(row.json)) as T);
}
