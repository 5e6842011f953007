"""Places from postcodes"""

from alembic import op
import sqlalchemy as sa

revision = '0013'
down_revision = '0011'


def upgrade() -> None:
    op.create_table('postcode_areas',
    sa.Column('area', sa.String(length=4), nullable=False),
    sa.Column('packed', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('area', name=op.f('pk_postcode_areas'))
    )
    with op.batch_alter_table('residents') as batch:
        # What the code of before this rule still adds in the minutes of the change is unknown, until
        # `flask postcodes place` looks.
        batch.add_column(sa.Column('place_from', sa.Enum('pin', 'uprn', 'postcode', 'unknown', name='placefrom', native_enum=False, create_constraint=True, length=24), nullable=False, server_default='unknown'))
    op.execute("UPDATE residents SET place_from = CASE WHEN uprn IS NULL THEN 'pin' ELSE 'uprn' END WHERE latitude IS NOT NULL AND longitude IS NOT NULL")


def downgrade() -> None:
    # The version before knows a place or none: those from postcodes stay, as pins.
    with op.batch_alter_table('residents') as batch:
        batch.drop_constraint(batch.f('ck_residents_placefrom'), type_='check')
        batch.drop_column('place_from')
    op.drop_table('postcode_areas')
