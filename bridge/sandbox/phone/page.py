"""The page."""

from flask import Blueprint

routes = Blueprint("page", __name__)
