"""The photo of a door that nobody opened: sent by the visit's officer, looked at by schedulers."""

from uuid import UUID

from flask import Response, request
from webargs.flaskparser import abort

from api.auth import refuse_unless_theirs, roles, who
from api.blueprint import Blueprint, Resource
from api.officers import LARGEST_PHOTO
from models import clock
from models.database import reading, transaction
from models.no_access_photo import HEIGHT, WIDTH, find_photo, keep_photo
from models.photo import re_encode
from models.visit_rows import find, find_locked

blp = Blueprint("no access", __name__, url_prefix="/v1/visits", description="Doors that nobody opened")

_JPEG = {"type": "string", "format": "binary"}


@blp.route("/<uuid:visit_id>/no-access-photo")
class NoAccessPhoto(Resource):
    @roles("officer")
    @blp.response(204)
    @blp.alt_response(409, response="CONFLICT")
    @blp.doc(
        requestBody={
            "required": True,
            "content": {kind: {"schema": _JPEG} for kind in ("image/jpeg", "image/png")},
        }
    )
    def put(self, visit_id: UUID) -> None:
        """Send a photo of the door, or of the card you left: JPEG or PNG, up to 5 MB

        After the outcome `no_access`. It is re-encoded to 1280 pixels at most; nothing else of the file is kept,
        neither place nor date. The first photo stands, and sending it again is harmless.
        """
        if request.mimetype not in ("image/jpeg", "image/png"):
            abort(415, message="Send the photo itself, as Content-Type: image/jpeg or image/png.")
        with reading() as session:
            refuse_unless_theirs(find(session, visit_id))
        request.max_content_length = LARGEST_PHOTO
        jpeg = re_encode(request.get_data(cache=False), WIDTH, HEIGHT)
        with transaction() as session:
            visit = find_locked(session, visit_id)
            refuse_unless_theirs(visit)
            keep_photo(session, visit, jpeg, by=who().user_id, at=clock.now())

    @roles("scheduler")
    @blp.response(200, _JPEG, content_type="image/jpeg")
    def get(self, visit_id: UUID) -> Response:
        """The photo that the officer took of the door; gone 90 days after the visit"""
        with reading() as session:
            return Response(find_photo(session, visit_id), content_type="image/jpeg")
