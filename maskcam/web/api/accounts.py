"""Users and API tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Response

from maskcam.web.auth import Admin, Viewer
from maskcam.web.context import Ctx
from maskcam.web.problems import responses
from maskcam.web.roles import Role
from maskcam.web.schemas import Account, Name, NewToken, Password, Token, TokenWithSecret

router = APIRouter(tags=["accounts"], responses=responses(401, 403))


@router.get("/me")
def get_me(who: Viewer) -> Account:
    """Who is asking."""
    return Account(name=who.name, role=who.role)


@router.get("/tokens")
def list_tokens(context: Ctx, _who: Admin) -> list[Token]:
    """All tokens, without their secrets."""
    return [Token.of(token) for token in context.accounts.tokens()]


@router.post("/tokens", status_code=201, responses=responses(422))
def create_token(context: Ctx, _who: Admin, wanted: NewToken) -> TokenWithSecret:
    """Makes a token; its secret is in this answer and nowhere else."""
    token, secret = context.accounts.create_token(wanted.name, wanted.role, days=wanted.days)
    return TokenWithSecret.made(token, secret)


@router.delete("/tokens/{token_id}", status_code=204, responses=responses(404))
def revoke_token(context: Ctx, _who: Admin, token_id: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Response:
    """Makes a token worthless."""
    if not context.accounts.revoke_token(token_id):
        raise HTTPException(404, f"There is no token {token_id}.")
    return Response(status_code=204)


@router.delete("/sessions/{name}", status_code=204, responses=responses(404))
def end_sessions(context: Ctx, _who: Admin, name: Annotated[Name, Path()]) -> Response:
    """Logs a user out of every browser."""
    if not context.accounts.end_sessions(name):
        raise HTTPException(404, f"{name} is not logged in anywhere.")
    return Response(status_code=204)


@router.get("/users")
def list_users(context: Ctx, _who: Admin) -> list[Account]:
    """Everybody who may log in."""
    return [Account.of(user) for user in context.accounts.users()]


@router.put("/users/{name}", responses=responses(422))
def set_user(context: Ctx, _who: Admin, name: Annotated[Name, Path()], wanted: Password) -> Account:
    """Makes a user, or gives one another password and role, which ends that user's sessions."""
    context.accounts.set_password(name, wanted.password, role=wanted.role)
    return Account(name=name, role=wanted.role)


@router.delete("/users/{name}", status_code=204, responses=responses(404, 409))
def remove_user(context: Ctx, _who: Admin, name: Annotated[Name, Path()]) -> Response:
    """Removes a user with all sessions."""
    others = [user for user in context.accounts.users() if user.name != name]
    if all(user.role is not Role.ADMIN for user in others):
        raise HTTPException(409, "Nobody would be left who may change anything: make another admin first.")
    if not context.accounts.remove_user(name):
        raise HTTPException(404, f"There is no user {name!r} that can be removed here.")
    return Response(status_code=204)
