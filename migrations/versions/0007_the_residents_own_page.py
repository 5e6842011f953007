"""What residents tell us on their visit's page, and who has seen its words"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0007'
down_revision = '0006'

BEFORE = ('booked', 'moved', 'cancelled', 'departed', 'delayed', 'arrived', 'finished', 'confirmed')
AFTER = (*BEFORE, 'words_seen', 'letter_made')


def allow_events(kinds) -> None:
    listed = ', '.join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table('visit_events') as batch:
        batch.drop_constraint(batch.f('ck_visit_events_eventkind'), type_='check')
        batch.create_check_constraint(batch.f('ck_visit_events_eventkind'), f'kind IN ({listed})')


def upgrade() -> None:
    op.create_table('visit_answers',
    sa.Column('visit_id', sa.Uuid(), nullable=False),
    sa.Column('needs', sa.String(length=300), nullable=True),
    sa.Column('needs_said_at', UtcDateTime(), nullable=True),
    sa.Column('rating', sa.Integer(), nullable=True),
    sa.Column('feedback', sa.String(length=1000), nullable=True),
    sa.Column('rated_at', UtcDateTime(), nullable=True),
    sa.CheckConstraint('rating BETWEEN 1 AND 5', name=op.f('ck_visit_answers_rating_is_one_to_five')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_visit_answers_visit_id')),
    sa.PrimaryKeyConstraint('visit_id', name=op.f('pk_visit_answers'))
    )
    allow_events(AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM visit_events WHERE kind IN ('words_seen', 'letter_made')")
    allow_events(BEFORE)
    op.drop_table('visit_answers')
