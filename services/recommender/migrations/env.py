"""Alembic's environment: runs the revisions on the connection that `migrate` holds."""

from alembic import context

from services.recommender.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
