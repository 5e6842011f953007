"""The areas that officers go to"""

from alembic import op
import sqlalchemy as sa

revision = '0014'
down_revision = '0013'


def upgrade() -> None:
    # Officers of the version before go everywhere, as they did.
    op.add_column('officers', sa.Column('areas', sa.JSON(), nullable=False, server_default='[]'))


def downgrade() -> None:
    with op.batch_alter_table('officers') as batch:
        batch.drop_column('areas')
