"""Leases of points, points that are being deleted, and the records of housekeeping."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the three tables. What they hold does not hang on rows of points, which a rebuild replaces."""
    op.create_table(
        "lease",
        sa.Column("deployment", sa.String(), primary_key=True),
        sa.Column("point", sa.String(), primary_key=True),
        sa.Column("what", sa.String(), primary_key=True),
        sa.Column("until", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "going",
        sa.Column("deployment", sa.String(), primary_key=True),
        sa.Column("point", sa.String(), primary_key=True),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
    )
    op.create_table(
        "upkeep",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("deployment", sa.String(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
    )
    op.create_index("upkeep_by_time", "upkeep", ["deployment", "finished_at"])


def downgrade() -> None:
    """Drop them: operations take their leases again, and the vaults hold the rest."""
    op.drop_table("upkeep")
    op.drop_table("going")
    op.drop_table("lease")
