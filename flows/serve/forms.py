"""What clients send."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from flows.serve.faults import ApiError
from tasks.serving.encoding import Format
from tasks.serving.speech import MAX_SPEED, MIN_SPEED

Name = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Code = Annotated[str, StringConstraints(max_length=35)]


class VoiceId(BaseModel):
    """A voice, or a recording that was brought along, by its identifier."""

    model_config = ConfigDict(strict=True)

    id: Name


class SpeechForm(BaseModel):
    """A request for speech, as OpenAI's clients send it; the last four fields are ours."""

    model_config = ConfigDict(strict=True, extra="allow")

    model: Annotated[str, StringConstraints(max_length=256)] = "tts-1"
    """Any name: the voice tells which networks speak."""
    input: Annotated[str, StringConstraints(min_length=1)]
    """What is said: plain text with `[pause 500ms]`, or SSML."""
    voice: Name | VoiceId
    """`anna`, `anna@3`, `kokoro/af_heart`, a mix of published voices, or `{"id": ...}`."""
    response_format: Format = "mp3"
    speed: Annotated[float, Field(ge=MIN_SPEED, le=MAX_SPEED, allow_inf_nan=False)] | None = None
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """`name=value` in it is a setting of how the voice speaks; other words change nothing."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    language: Code | None = None
    speaker: Annotated[str, StringConstraints(max_length=128)] | None = None
    timestamps: bool = False
    """Whether a stream of events tells when words are said."""

    @property
    def voice_name(self) -> str:
        """What is asked for."""
        return self.voice if isinstance(self.voice, str) else self.voice.id

    def check(self, characters: int, refuses_unknown: bool) -> None:
        """What settings decide.

        Raises:
            ApiError: the text is too long, or a field is not known.
        """
        if len(self.input) > characters:
            raise ApiError(
                400,
                f"input: it has {len(self.input)} characters, and at most {characters} are taken",
                "string_above_max_length",
                "input",
            )
        if refuses_unknown and self.model_extra:
            field = next(iter(self.model_extra))
            raise ApiError(400, f"{field[:64]}: this field is not known", "unknown_parameter", field[:64])
        if self.timestamps and self.stream_format != "sse":
            raise ApiError(
                400,
                'timestamps: sound alone has no room for times; set stream_format to "sse", or ask '
                "/v1/audio/speech/timestamps",
                "invalid_value",
                "timestamps",
            )


class TimedForm(SpeechForm):
    """A request for the times of words; `audio` asks for the sound with them, as base64."""

    audio: bool = True
