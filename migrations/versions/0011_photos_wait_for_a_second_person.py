"""Photos wait for a second person's approval"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0011'
down_revision = '0010'


def upgrade() -> None:
    with op.batch_alter_table('officer_photos') as batch:
        # What is there has been shown to residents, and stays. What the code of before this rule still sends in
        # the minutes of the change waits.
        batch.add_column(sa.Column('status', sa.Enum('waiting', 'approved', 'refused', 'replaced', name='photostatus', native_enum=False, create_constraint=True, length=24), nullable=False, server_default='waiting'))
        batch.add_column(sa.Column('decided_at', UtcDateTime(), nullable=True))
        batch.add_column(sa.Column('decided_by_id', sa.Uuid(), nullable=True))
        batch.add_column(sa.Column('refused_reason', sa.String(length=500), nullable=True))
        batch.alter_column('jpeg', existing_type=sa.LargeBinary(), nullable=True)
        batch.create_foreign_key(batch.f('fk_officer_photos_decided_by_id'), 'users', ['decided_by_id'], ['id'])
        batch.create_check_constraint(batch.f('ck_officer_photos_two_people_approve_a_photo'), "status <> 'approved' OR uploaded_by_id <> decided_by_id")
        batch.create_check_constraint(batch.f('ck_officer_photos_no_picture_of_no_use_is_kept'), "(status IN ('waiting', 'approved')) = (jpeg IS NOT NULL)")
        batch.create_index('ix_officer_photos_status', ['status', 'uploaded_at', 'id'], unique=False)
    op.execute("UPDATE officer_photos SET status = 'approved'")


def downgrade() -> None:
    # The version before would show nobody an empty picture: no officer has one that was refused or replaced.
    photos = sa.table('officer_photos', sa.column('jpeg', sa.LargeBinary))
    with op.batch_alter_table('officer_photos') as batch:
        batch.drop_index('ix_officer_photos_status')
        batch.drop_constraint(batch.f('ck_officer_photos_no_picture_of_no_use_is_kept'), type_='check')
        batch.drop_constraint(batch.f('ck_officer_photos_two_people_approve_a_photo'), type_='check')
        batch.drop_constraint(batch.f('fk_officer_photos_decided_by_id'), type_='foreignkey')
        batch.drop_column('refused_reason')
        batch.drop_column('decided_by_id')
        batch.drop_column('decided_at')
        batch.drop_constraint(batch.f('ck_officer_photos_photostatus'), type_='check')
        batch.drop_column('status')
    op.execute(photos.update().where(photos.c.jpeg.is_(None)).values(jpeg=b''))
    with op.batch_alter_table('officer_photos') as batch:
        batch.alter_column('jpeg', existing_type=sa.LargeBinary(), nullable=False)
