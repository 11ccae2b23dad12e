"""### Take a restore point before something is updated

**Why:** WSO2's own update tool backs up the pack and nothing else; an update that went wrong needs the databases of the
same moment as well. This is what a rollback goes back to.

**How:** as a system backup: *open*, *capture* every database server, home and tree, *seal*. The point is of kind
`pre_upgrade` and carries the reason and the target level. Each home's facts hold its product, update level and the
inventory of its patches; `lifeboat patches <deployment> <point>` shows them, and what changed since, without restoring.

**When:** by hand, right before an update, a patch or a change of configuration, or by another DAG. Never by itself.

**If it fails:** nothing is sealed, and nothing should be updated yet. Fix what the red task's log names and *trigger a
new run*; a sealed point never changes, so tasks of a finished run are not cleared.
"""

from airflow.sdk import DAG

from lifeboat.deployment import Deployment
from lifeboat.deployment_file import load_all
from lifeboat_airflow.forms import optional_text
from lifeboat_airflow.notices import notices
from lifeboat_airflow.point import POINT_DAG, make_restore_point


def pre_upgrade_snapshot(deployment: Deployment) -> DAG:
    """Return the DAG that takes a deployment's restore point before an update."""
    with DAG(
        f"{deployment.name}.pre_upgrade_snapshot",
        schedule=None,
        is_paused_upon_creation=False,
        doc_md=__doc__,
        tags=["lifeboat", deployment.name],
        params={
            "reason": optional_text("Reason", "What is about to be changed."),
            "target_level": optional_text(
                "Target level", "The update level, version or patch that it will be brought to, such as 41."
            ),
        },
        **POINT_DAG,
        **notices(deployment),
    ) as dag:
        make_restore_point(
            deployment,
            "pre_upgrade",
            reason="{{ params.reason or '' }}",
            labels={"target_level": "{{ params.target_level or '' }}"},
        )
    return dag


for each in load_all()[0]:
    globals()[f"{each.name}_pre_upgrade_snapshot"] = pre_upgrade_snapshot(each)
