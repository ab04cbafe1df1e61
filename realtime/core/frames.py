"""What every frame on the wire is made of."""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Identifier: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Uuid: TypeAlias = Annotated[
    str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", description="lower case")
]
MessageId: TypeAlias = Annotated[int, Field(ge=0, le=2**53, description="chosen by the client to match the reply")]


class Frame(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Position(Frame):
    """All a client must remember of the state it holds."""

    epoch: Annotated[str, Field(max_length=64)]
    offset: Annotated[int, Field(ge=0)]
