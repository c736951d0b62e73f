"""What a user is told when something cannot be fetched or published, and whether trying again may help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trainer.failures import Broken, StageEnd, UserError
from trainer.transfer.secrets import cleaned
from trainer.transfer.trouble import Trouble, status_of, trouble_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trainer.transfer.places import Place
    from trainer.transfer.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Subject:
    """What a complaint is about: a place, the field that names it and whose `secret` opens it."""

    place: Place
    param: str
    secrets: Secrets
    absent_code: str = "ModelNotFound"
    revision: str = ""
    secret_param: str = ""


def end_of(subject: Subject, error: Exception, environment: Mapping[str, str]) -> StageEnd:
    """How the stage ends by an error of a store's library. No text of it is passed on that may hold a secret."""
    if isinstance(error, StageEnd):
        return error
    status, trouble = status_of(error), trouble_of(error)
    answered = f" (the server answered {status})" if status else ""
    told = _TOLD.get(trouble)
    if told is not None:
        return told(subject, answered)
    reach = " cannot be reached" if trouble == "transient" else ""
    return Broken(
        "SourceUnavailable",
        f"{subject.place.shown}{reach}{answered}: {type(error).__name__}: {brief(error, environment)}",
        param=subject.param,
        advice="Look whether the server runs and whether pods may reach it." if reach else "",
    )


def disk_full(subject: Subject, needs: int | None, free: int) -> UserError:
    """There is no room for what is to be fetched; `needs` and `free` in bytes."""
    told = f"needs {needs} bytes, and {free} are free" if needs is not None else "did not fit"
    return UserError(
        "DiskFull",
        f"{subject.place.shown} {told} where it is to be kept",
        param=subject.param,
        advice="Raise spec.output.storageSize: models and data are kept beside the checkpoints.",
    )


def damaged(subject: Subject, name: str, problem: str) -> UserError:
    """A file came twice in another shape than its store says."""
    return UserError(
        "SourceDamaged",
        f"{subject.place.shown}: {name} {problem}, twice",
        param=subject.param,
        advice="The store's own copy does not match its digest, or it changes while it is read: upload it again.",
    )


def brief(error: Exception, environment: Mapping[str, str]) -> str:
    """The first line of an error, without secrets."""
    return next(iter(cleaned(str(error), environment).splitlines()), "")[:200]


def _absent(subject: Subject, answered: str) -> UserError:
    private = subject.place.scheme == "hf" and not subject.secrets.given
    advice = (
        f"Check its spelling; one that is private needs a token in {subject.secret_param}."
        if private
        else "Check its spelling."
    )
    problem = f"{subject.place.shown} does not exist{answered}"
    return UserError(subject.absent_code, problem, param=subject.param, advice=advice)


def _no_revision(subject: Subject, _: str) -> UserError:
    problem = f"{subject.place.shown} has no revision '{subject.revision}'"
    return UserError("SourceNotFound", problem, param=subject.param, advice="Name a branch, a tag or a commit.")


def _gated(subject: Subject, _: str) -> UserError:
    return UserError(
        "SourceForbidden",
        f"{subject.place.shown} is gated: its terms have to be accepted by the owner of the token{_by(subject)}",
        param=subject.param,
        advice=f"Accept them on the page of {subject.place.root}, and put a token of that account into"
        f" {subject.secret_param}.",
    )


def _forbidden(subject: Subject, answered: str) -> UserError:
    name = subject.secrets.name
    used = f"with the secret that was given ({name})" if subject.secrets.given else f"without a secret ({name})"
    return UserError(
        "SourceForbidden",
        f"{subject.place.shown} may not be used {used}{answered}",
        param=subject.param,
        advice=f"Look at the Secret that {subject.secret_param} names, and at what its owner may do there.",
    )


def _by(subject: Subject) -> str:
    return f" ({subject.secrets.name})" if subject.secrets.given else ""


_TOLD: Final[Mapping[Trouble, Callable[[Subject, str], UserError]]] = {
    "absent": _absent,
    "no revision": _no_revision,
    "gated": _gated,
    "forbidden": _forbidden,
    "full": lambda subject, _: disk_full(subject, None, 0),
}
