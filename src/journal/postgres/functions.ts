/**
 * All work under the lock of a database's row is done by functions, each called by one statement: no client can die
 * while it holds the lock. A function sees everything that was committed before it got the lock. A plain statement would not:
 * each statement of a volatile function has a snapshot of its own in READ COMMITTED, and a single one has that of its start.
 *
 * The lock of the row is held until the commit is durable, on the synchronous standby too. So whoever gets it sees every
 * append that another client may have been told of.
 */
export const FUNCTIONS = `
-- What serves the databases now: another server process is another incarnation. Every read asks for it, because a standby
-- would answer with an old state.
CREATE FUNCTION tidemark.incarnation() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF pg_is_in_recovery() THEN RAISE EXCEPTION 'this server is a standby' USING ERRCODE = '25006'; END IF;
  RETURN (SELECT system_identifier FROM pg_control_system()) || '.' || extract(epoch FROM pg_postmaster_start_time());
END $$;

-- Held while a database is created, and by those who must not miss that.
CREATE FUNCTION tidemark.lock_name(p_name text) RETURNS void LANGUAGE sql VOLATILE AS $$
  SELECT pg_advisory_xact_lock(74356622, hashtext(p_name))
$$;

-- Locks a database's row, and begins a generation if another server process has taken over. NULL if there is no such database.
CREATE FUNCTION tidemark.lock(p_name text, p_generation text) RETURNS tidemark.databases LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  d tidemark.databases;
  v_incarnation text := tidemark.incarnation();
BEGIN
  SELECT * INTO d FROM tidemark.databases WHERE name = p_name FOR NO KEY UPDATE;
  IF d.incarnation <> v_incarnation THEN
    INSERT INTO tidemark.generations (database_id, ordinal, generation, starts_at)
      SELECT d.id, max(g.ordinal) + 1, p_generation, d.head FROM tidemark.generations g WHERE g.database_id = d.id;
    d.generation := p_generation;
    d.incarnation := v_incarnation;
    UPDATE tidemark.databases SET generation = d.generation, incarnation = d.incarnation WHERE id = d.id;
  END IF;
  RETURN d;
END $$;

-- The same, but waits for one who is creating the database.
CREATE FUNCTION tidemark.lock_surely(p_name text, p_generation text) RETURNS tidemark.databases LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  d tidemark.databases := tidemark.lock(p_name, p_generation);
BEGIN
  IF d.id IS NULL THEN
    PERFORM tidemark.lock_name(p_name);
    d := tidemark.lock(p_name, p_generation);
  END IF;
  RETURN d;
END $$;

CREATE FUNCTION tidemark.create_database(p_name text, p_epoch text) RETURNS tidemark.databases LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  d tidemark.databases;
BEGIN
  INSERT INTO tidemark.databases (name, epoch, generation, incarnation, written_at)
    VALUES (p_name, p_epoch, '', tidemark.incarnation(), clock_timestamp()) RETURNING * INTO d;
  INSERT INTO tidemark.generations (database_id, ordinal, generation, starts_at) VALUES (d.id, 0, '', 0);
  RETURN d;
END $$;

-- Refuses sessions in which an answer would be no promise: a setting of the operator applies to this commit. With another
-- isolation level, a function would not see what was committed while it waited for the lock.
CREATE FUNCTION tidemark.check_session(p_synchronous_commit text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'default_transaction_isolation is %: set it to read committed for the role that Tidemark uses',
      current_setting('transaction_isolation') USING ERRCODE = 'TM001';
  END IF;
  IF p_synchronous_commit IS NOT NULL THEN
    PERFORM set_config('synchronous_commit', p_synchronous_commit, true);
  ELSIF current_setting('synchronous_commit') IN ('off', 'local') THEN
    RAISE EXCEPTION 'synchronous_commit is %, so an answered change could be lost: set it to on, or allow that with --synchronous-commit %',
      current_setting('synchronous_commit'), current_setting('synchronous_commit') USING ERRCODE = 'TM001';
  END IF;
END $$;

-- Appends all entries or none. Lists are joined by newlines. Each job of the batch is once in p_jobs, with the revision that
-- its first entry was made from, and its kind. p_jobs_left says how many of them exist afterwards.
CREATE FUNCTION tidemark.append(
  p_name text, p_epoch text, p_generation text,
  p_point_epoch text, p_point_generation text,
  p_jobs text, p_made_from text, p_firsts text, p_jobs_left bigint,
  p_keys text, p_commit_ids text, p_kinds text, p_bodies text,
  p_removals bigint, p_stores_removed boolean,
  p_removals_max bigint, p_synchronous_commit text, p_node text, p_fence bigint,
  OUT o_kind text, OUT o_first bigint, OUT o_conflict bigint, OUT o_epoch text, OUT o_generation text, OUT o_head bigint
) LANGUAGE plpgsql VOLATILE
-- A plan is kept for as long as its connection. One that was made while the table was small would read all of a large one.
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
  d tidemark.databases;
  v_jobs text[] := string_to_array(p_jobs, E'\\n');
  v_created boolean := false;
  v_known bigint := 0;
  v_replaced bigint := 0;
  v_lacking bigint := 0;
BEGIN
  PERFORM tidemark.check_session(p_synchronous_commit);
  d := tidemark.lock(p_name, p_generation);
  IF d.id IS NULL THEN
    d := tidemark.lock_surely(p_name, p_generation);
    IF d.id IS NULL THEN
      d := tidemark.create_database(p_name, p_epoch);
      v_created := true;
    END IF;
  END IF;
  IF EXISTS (SELECT FROM tidemark.fences f WHERE f.name = p_name AND f.node = p_node AND f.fence > p_fence) THEN
    RAISE EXCEPTION 'the append arrived after its server had given it up' USING ERRCODE = 'TM004';
  END IF;

  IF p_point_epoch <> d.epoch OR p_point_generation <> d.generation THEN
    o_kind := 'stale';
  ELSE
    SELECT min(j.n) FILTER (WHERE abs(l.latest) <> j.made_from), count(*) FILTER (WHERE l.latest > 0), count(*) FILTER (WHERE l.latest < 0),
           count(*) FILTER (WHERE l.latest <= 0 AND j.first <> 's')
      INTO o_conflict, v_known, v_replaced, v_lacking
      FROM unnest(v_jobs, string_to_array(p_made_from, E'\\n')::bigint[], string_to_array(p_firsts, NULL))
        WITH ORDINALITY j(job_key, made_from, first, n)
      LEFT JOIN LATERAL (
        SELECT n.revision, n.is_removal FROM tidemark.entries n
        WHERE n.database_id = d.id AND n.job_key = j.job_key ORDER BY n.revision DESC LIMIT 1
      ) e ON true
      -- The revision of a job; that of its removal as a negative number; 0 if there is none, or the removal is forgotten.
      CROSS JOIN LATERAL (
        SELECT CASE
          WHEN e.revision IS NULL THEN tidemark.compacted_revision(d.id, j.job_key)
          WHEN NOT e.is_removal THEN e.revision
          WHEN e.revision > d.tombstone_horizon THEN -e.revision
          ELSE 0
        END AS latest OFFSET 0
      ) l;
    o_kind := CASE WHEN o_conflict IS NULL THEN 'appended' ELSE 'conflict' END;
  END IF;

  o_epoch := d.epoch;
  o_generation := d.generation;
  o_head := d.head;
  IF o_kind <> 'appended' THEN
    IF v_created THEN
      DELETE FROM tidemark.generations WHERE database_id = d.id;
      DELETE FROM tidemark.databases WHERE id = d.id;
    END IF;
    RETURN;
  END IF;
  IF v_lacking > 0 THEN RAISE EXCEPTION 'an entry changes a job that is not stored' USING ERRCODE = 'TM003'; END IF;

  INSERT INTO tidemark.entries (database_id, revision, at, is_removal, job_key, commit_id, body)
    SELECT d.id, d.head + e.n, clock_timestamp(), e.kind = 'r', e.job_key, e.commit_id, e.body
    FROM unnest(string_to_array(p_keys, E'\\n'), string_to_array(p_commit_ids, E'\\n'), string_to_array(p_kinds, NULL),
                string_to_array(p_bodies, E'\\n')) WITH ORDINALITY e(job_key, commit_id, kind, body, n);
  GET DIAGNOSTICS o_head = ROW_COUNT;
  o_first := d.head + 1;
  o_head := d.head + o_head;

  IF p_removals > 0 OR v_replaced > 0 THEN
    IF d.removal_count + p_removals <= p_removals_max OR (v_replaced = 0 AND NOT p_stores_removed) THEN
      d := tidemark.keep_removals(d, v_jobs, v_replaced, p_removals, p_removals_max);
    ELSE
      d := tidemark.keep_removals_in_order(d, p_removals_max);
    END IF;
  END IF;

  UPDATE tidemark.databases SET head = o_head, job_count = d.job_count - v_known + p_jobs_left, removal_count = d.removal_count,
    tombstone_horizon = d.tombstone_horizon, written_at = clock_timestamp() WHERE id = d.id;
END $$;

-- The same for a job without entries.
CREATE FUNCTION tidemark.compacted_revision(p_id bigint, p_job_key text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_revision bigint;
BEGIN
  SELECT j.revision INTO v_revision FROM tidemark.jobs j WHERE j.database_id = p_id AND j.job_key = p_job_key;
  IF v_revision IS NOT NULL THEN RETURN v_revision; END IF;
  SELECT r.revision INTO v_revision FROM tidemark.removals r WHERE r.database_id = p_id AND r.job_key = p_job_key;
  RETURN coalesce(-v_revision, 0);
END $$;

-- Remembers the removals among the new entries, where their order does not matter: either none is forgotten, or no job is
-- stored whose removal could be.
CREATE FUNCTION tidemark.keep_removals(
  d tidemark.databases, p_jobs text[], p_replaced bigint, p_removals bigint, p_max bigint
) RETURNS tidemark.databases LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_count bigint;
BEGIN
  IF p_replaced > 0 THEN
    DELETE FROM tidemark.removals r USING unnest(p_jobs) j(job_key) WHERE r.database_id = d.id AND r.job_key = j.job_key;
    d.removal_count := d.removal_count - p_replaced;
  END IF;
  IF p_removals > 0 THEN
    INSERT INTO tidemark.removals (database_id, revision, job_key, body)
      SELECT d.id, e.revision, e.job_key, e.body FROM (
        SELECT DISTINCT ON (n.job_key) n.* FROM tidemark.entries n
        WHERE n.database_id = d.id AND n.revision > d.head ORDER BY n.job_key, n.revision DESC
      ) e WHERE e.is_removal;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    d.removal_count := d.removal_count + v_count;
  END IF;
  RETURN tidemark.forget_removals(d, p_max);
END $$;

-- The same, entry by entry.
CREATE FUNCTION tidemark.keep_removals_in_order(d tidemark.databases, p_max bigint)
RETURNS tidemark.databases LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  e record;
BEGIN
  FOR e IN SELECT n.revision, n.job_key, n.is_removal, n.body FROM tidemark.entries n
    WHERE n.database_id = d.id AND n.revision > d.head ORDER BY n.revision
  LOOP
    DELETE FROM tidemark.removals r WHERE r.database_id = d.id AND r.job_key = e.job_key;
    IF FOUND THEN d.removal_count := d.removal_count - 1; END IF;
    IF e.is_removal THEN
      INSERT INTO tidemark.removals (database_id, revision, job_key, body) VALUES (d.id, e.revision, e.job_key, e.body);
      d.removal_count := d.removal_count + 1;
      d := tidemark.forget_removals(d, p_max);
    END IF;
  END LOOP;
  RETURN d;
END $$;

-- Forgets the oldest removals above the maximum.
CREATE FUNCTION tidemark.forget_removals(d tidemark.databases, p_max bigint)
RETURNS tidemark.databases LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF d.removal_count > p_max THEN
    WITH forgotten AS (
      DELETE FROM tidemark.removals r WHERE r.database_id = d.id AND r.revision IN (
        SELECT o.revision FROM tidemark.removals o WHERE o.database_id = d.id ORDER BY o.revision LIMIT d.removal_count - p_max
      ) RETURNING r.revision
    ) SELECT max(f.revision) INTO d.tombstone_horizon FROM forgotten f;
    d.removal_count := p_max;
  END IF;
  RETURN d;
END $$;

-- Waits for an append in progress, then looks for an entry. The lock itself is written, so its commit waits for the standby. The
-- fence rejects appends that the node has sent before and that have not arrived: what was not found stays so.
CREATE FUNCTION tidemark.find(
  p_name text, p_generation text, p_commit_id text, p_synchronous_commit text, p_node text, p_fence bigint
)
RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  d tidemark.databases;
BEGIN
  PERFORM tidemark.check_session(p_synchronous_commit);
  d := tidemark.lock_surely(p_name, p_generation);
  IF p_fence IS NOT NULL THEN
    DELETE FROM tidemark.fences f WHERE f.name = p_name AND f.at < clock_timestamp() - interval '1 day';
    INSERT INTO tidemark.fences (name, node, fence, at) VALUES (p_name, p_node, p_fence, clock_timestamp())
      ON CONFLICT (name, node) DO UPDATE SET fence = excluded.fence, at = excluded.at;
  END IF;
  RETURN (
    SELECT e.revision FROM tidemark.entries e WHERE e.database_id = d.id AND e.commit_id = p_commit_id
    ORDER BY e.revision DESC LIMIT 1
  );
END $$;

CREATE FUNCTION tidemark.erase(p_name text, p_generation text, p_revision bigint, p_synchronous_commit text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  d tidemark.databases;
BEGIN
  PERFORM tidemark.check_session(p_synchronous_commit);
  PERFORM FROM tidemark.databases WHERE name = p_name FOR UPDATE;
  d := tidemark.lock_surely(p_name, p_generation);
  IF p_revision <> coalesce(d.head, 0) THEN RETURN false; END IF;
  DELETE FROM tidemark.databases WHERE id = d.id;
  DELETE FROM tidemark.generations WHERE database_id = d.id;
  DELETE FROM tidemark.entries WHERE database_id = d.id;
  DELETE FROM tidemark.jobs WHERE database_id = d.id;
  DELETE FROM tidemark.removals WHERE database_id = d.id;
  RETURN true;
END $$;

-- Begins a new history with the current state, after a copy was restored.
CREATE FUNCTION tidemark.begin_epoch(p_name text, p_generation text, p_epoch text) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  d tidemark.databases := tidemark.lock(p_name, p_generation);
BEGIN
  UPDATE tidemark.databases SET epoch = p_epoch, generation = '' WHERE id = d.id;
  DELETE FROM tidemark.generations WHERE database_id = d.id;
  INSERT INTO tidemark.generations (database_id, ordinal, generation, starts_at) SELECT d.id, 0, '', 0 WHERE d.id IS NOT NULL;
END $$;

-- Gets or renews the leases of databases; returns those that the node holds. A lost lease does no harm, so nothing waits for it.
CREATE FUNCTION tidemark.renew_leases(p_names text[], p_node text, p_ms bigint) RETURNS SETOF text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_until timestamptz := clock_timestamp() + p_ms * interval '1 millisecond';
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  DELETE FROM tidemark.leases WHERE name IN (
    SELECT l.name FROM tidemark.leases l WHERE l.until < clock_timestamp() - interval '1 hour' LIMIT 100 FOR UPDATE SKIP LOCKED
  );
  RETURN QUERY
    INSERT INTO tidemark.leases (name, node, until) SELECT n, p_node, v_until FROM unnest(p_names) n ORDER BY n
    ON CONFLICT (name) DO UPDATE SET node = excluded.node, until = excluded.until
      WHERE leases.node = excluded.node OR leases.until < clock_timestamp()
    RETURNING leases.name;
END $$;

-- Replaces the records of jobs by newer ones. Fails if another server has compacted meanwhile.
CREATE FUNCTION tidemark.compact(
  p_id bigint, p_from bigint, p_to bigint, p_keys text, p_revisions text, p_stored text, p_records text, p_removed text
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  -- Lets appends pass, but nobody deletes the database meanwhile.
  PERFORM FROM tidemark.databases WHERE id = p_id FOR KEY SHARE;
  IF NOT FOUND THEN RAISE EXCEPTION 'the database is gone' USING ERRCODE = 'TM002'; END IF;
  INSERT INTO tidemark.jobs (database_id, revision, stored_revision, job_key, record)
    SELECT p_id, j.revision, j.stored, j.job_key, j.record
    FROM unnest(string_to_array(p_keys, E'\\n'), string_to_array(p_revisions, E'\\n')::bigint[],
                string_to_array(p_stored, E'\\n')::bigint[], string_to_array(p_records, E'\\n')) j(job_key, revision, stored, record)
    ORDER BY j.job_key
    ON CONFLICT (database_id, job_key) DO UPDATE
      SET revision = excluded.revision, stored_revision = excluded.stored_revision, record = excluded.record
      WHERE jobs.revision < excluded.revision;
  DELETE FROM tidemark.jobs j USING unnest(string_to_array(p_removed, E'\\n')) r(job_key)
    WHERE j.database_id = p_id AND j.job_key = r.job_key AND j.revision <= p_to;
  UPDATE tidemark.databases SET compacted = p_to WHERE id = p_id AND compacted = p_from;
  IF NOT FOUND THEN RAISE EXCEPTION 'another server has compacted' USING ERRCODE = 'TM002'; END IF;
END $$;

-- Deletes up to p_count entries after p_after that are compacted and old; returns the last one that was deleted, or p_after.
CREATE FUNCTION tidemark.trim(p_name text, p_after bigint, p_count bigint, p_kept_ms bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  d tidemark.databases;
  v_last bigint;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO d FROM tidemark.databases WHERE name = p_name;
  SELECT max(o.revision) INTO v_last FROM (
    SELECT e.revision, e.at FROM tidemark.entries e
    WHERE e.database_id = d.id AND e.revision > p_after AND e.revision <= least(d.compacted, d.head - 1000)
    ORDER BY e.revision LIMIT p_count
  ) o WHERE o.at < clock_timestamp() - p_kept_ms * interval '1 millisecond';
  DELETE FROM tidemark.entries e WHERE e.database_id = d.id AND e.revision > p_after AND e.revision <= v_last;
  RETURN coalesce(v_last, p_after);
END $$;
`;
