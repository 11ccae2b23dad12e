"""Points and evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the two tables."""
    op.create_table(
        "point",
        sa.Column("deployment", sa.String(), primary_key=True),
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("instant", sa.DateTime(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("manifest_sha256", sa.String(), nullable=False, unique=True),
        sa.Column("document", sa.Text(), nullable=False),
    )
    op.create_index("point_by_time", "point", ["deployment", "sealed_at"])
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column(
            "manifest_sha256",
            sa.String(),
            sa.ForeignKey("point.manifest_sha256", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    """Drop them: the vaults hold everything that was in them."""
    op.drop_table("evidence")
    op.drop_table("point")
