"""Scans, incidents and who was told"""

from alembic import op
import sqlalchemy as sa
from models.database import UtcDateTime

revision = '0006'
down_revision = '0005'


def upgrade() -> None:
    op.create_table('scan_salts',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('salt', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_scan_salts'))
    )
    op.create_table('scans',
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('kind', sa.Enum('page', 'json', 'typed_code', 'telephone', 'card', name='scankind', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('state', sa.String(length=24), nullable=False),
    sa.Column('reason', sa.String(length=40), nullable=False),
    sa.Column('address', sa.String(length=32), nullable=False),
    sa.Column('badge_id', sa.Uuid(), nullable=True),
    sa.Column('officer_id', sa.Uuid(), nullable=True),
    sa.Column('token_issued_at', UtcDateTime(), nullable=True),
    sa.Column('previous', sa.String(length=64), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_scans'))
    )
    with op.batch_alter_table('scans', schema=None) as batch_op:
        batch_op.create_index('ix_scans_address', ['address', 'at'], unique=False)
        batch_op.create_index(batch_op.f('ix_scans_at'), ['at'], unique=False)
        batch_op.create_index('ix_scans_badge', ['badge_id', 'at'], unique=False)
        batch_op.create_index('ix_scans_officer', ['officer_id', 'number'], unique=False)

    op.create_table('scans_end',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('hash', sa.String(length=64), nullable=False),
    sa.Column('seal', sa.String(length=64), nullable=False),
    sa.Column('cut_number', sa.Integer(), nullable=False),
    sa.Column('cut_hash', sa.String(length=64), nullable=False),
    sa.Column('cut_seal', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_scans_end'))
    )
    op.create_table('incidents',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('reference', sa.String(length=12), nullable=False),
    sa.Column('kind', sa.Enum('revoked_badge_scanned', 'suspended_badge_scanned', 'badge_in_two_places', 'badge_copied', 'scan_flood', 'concern', name='incidentkind', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('status', sa.Enum('open', 'closed', name='incidentstatus', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('open_key', sa.String(length=80), nullable=True),
    sa.Column('badge_id', sa.Uuid(), nullable=True),
    sa.Column('officer_id', sa.Uuid(), nullable=True),
    sa.Column('visit_id', sa.Uuid(), nullable=True),
    sa.Column('details', sa.JSON(), nullable=False),
    sa.Column('words', sa.String(length=2000), nullable=True),
    sa.Column('phone', sa.String(length=40), nullable=True),
    sa.Column('given', sa.String(length=40), nullable=True),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('opened_at', UtcDateTime(), nullable=False),
    sa.Column('last_at', UtcDateTime(), nullable=False),
    sa.Column('alerted_at', UtcDateTime(), nullable=True),
    sa.Column('note', sa.String(length=1000), nullable=True),
    sa.Column('closed_at', UtcDateTime(), nullable=True),
    sa.Column('closed_by_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['badge_id'], ['badges.id'], name=op.f('fk_incidents_badge_id')),
    sa.ForeignKeyConstraint(['closed_by_id'], ['users.id'], name=op.f('fk_incidents_closed_by_id')),
    sa.ForeignKeyConstraint(['officer_id'], ['officers.id'], name=op.f('fk_incidents_officer_id')),
    sa.ForeignKeyConstraint(['visit_id'], ['visits.id'], name=op.f('fk_incidents_visit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incidents')),
    sa.UniqueConstraint('open_key', name=op.f('uq_incidents_open_key')),
    sa.UniqueConstraint('reference', name=op.f('uq_incidents_reference'))
    )
    with op.batch_alter_table('incidents', schema=None) as batch_op:
        batch_op.create_index('ix_incidents_status', ['status', 'opened_at', 'id'], unique=False)

    op.create_table('incident_alerts',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('incident_id', sa.Uuid(), nullable=False),
    sa.Column('to_number', sa.String(length=16), nullable=False),
    sa.Column('reference', sa.String(length=12), nullable=False),
    sa.Column('status', sa.Enum('waiting', 'claimed', 'unclear', 'sent', 'failed', name='alertstatus', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('next_try_at', UtcDateTime(), nullable=False),
    sa.Column('claimed_at', UtcDateTime(), nullable=True),
    sa.Column('sent_at', UtcDateTime(), nullable=True),
    sa.Column('carrier_id', sa.String(length=64), nullable=True),
    sa.Column('error_code', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['incident_id'], ['incidents.id'], name=op.f('fk_incident_alerts_incident_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_incident_alerts')),
    sa.UniqueConstraint('incident_id', 'to_number', name=op.f('uq_incident_alerts_incident_id_to_number')),
    sa.UniqueConstraint('reference', name=op.f('uq_incident_alerts_reference'))
    )
    with op.batch_alter_table('incident_alerts', schema=None) as batch_op:
        batch_op.create_index('ix_incident_alerts_status', ['status', 'next_try_at'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('incident_alerts', schema=None) as batch_op:
        batch_op.drop_index('ix_incident_alerts_status')

    op.drop_table('incident_alerts')
    with op.batch_alter_table('incidents', schema=None) as batch_op:
        batch_op.drop_index('ix_incidents_status')

    op.drop_table('incidents')
    op.drop_table('scans_end')
    with op.batch_alter_table('scans', schema=None) as batch_op:
        batch_op.drop_index('ix_scans_officer')
        batch_op.drop_index('ix_scans_badge')
        batch_op.drop_index(batch_op.f('ix_scans_at'))
        batch_op.drop_index('ix_scans_address')

    op.drop_table('scans')
    op.drop_table('scan_salts')
