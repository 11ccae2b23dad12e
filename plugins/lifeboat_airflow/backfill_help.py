"""What a person must know who recovers by backfill, as text for a DAG's page and for the body of an approval."""


def by_backfill(dag_id: str) -> str:
    """Given a recovery DAG's id, return how to recover by backfill, in Markdown, for its page."""
    return f"""**By backfill:** recover to a moment T with T as begin *and* end:

    airflow backfill create --dag-id {dag_id} --from-date 2026-11-20T14:37:12+00:00 --to-date 2026-11-20T14:37:12+00:00

This makes one run, whose logical date is T; it takes the newest good restore point that shows nothing later than T.
A time without a zone is UTC. A range is refused, and so is a time that is still to come.

A second backfill to the same T does nothing and says nothing, since the run exists: add `--reprocess-behavior
completed`, which does that run again, or take T a second later.

{while_one_waits(dag_id)}"""


def while_one_waits(dag_id: str) -> str:
    """Given a recovery DAG's id, return why a waiting approval keeps the next backfill from starting, how to see it
    and how to end it, in Markdown, for the DAG's page and the body of the approval."""
    return f"""**While an approval waits, its backfill is active, and Airflow allows one active backfill of a DAG:** the
next one is refused with *Another backfill is running* (REST: 409).

- *See it:* the DAG's page says *Backfill in progress*; its tabs *Backfills* and *Required Actions* show which, and
  what it waits for. REST: `GET /api/v2/backfills?dag_id={dag_id}`; those without `completed_at` are active.
- *Answer it:* approve or reject under *Required Actions*. Airflow notices the end of a backfill within half a minute;
  then the next one can start.
- *Cancel it:* **first reject, or mark its run as failed, then cancel.** Cancelling alone leaves a run that has begun
  where it is: its approval waits on, and whoever approves it later starts that recovery beside yours. *Cancel
  backfill* is the button beside *Backfill in progress*; REST: `PUT /api/v2/backfills/{{id}}/cancel`. Airflow's command
  line has none."""
