from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Description(_message.Message):
    __slots__ = ("card_json", "device", "thorough", "largest_request")
    CARD_JSON_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    THOROUGH_FIELD_NUMBER: _ClassVar[int]
    LARGEST_REQUEST_FIELD_NUMBER: _ClassVar[int]
    card_json: str
    device: str
    thorough: bool
    largest_request: int
    def __init__(self, card_json: _Optional[str] = ..., device: _Optional[str] = ..., thorough: _Optional[bool] = ..., largest_request: _Optional[int] = ...) -> None: ...

class Pictures(_message.Message):
    __slots__ = ("raw", "jpegs")
    class Raw(_message.Message):
        __slots__ = ("height", "width", "pixels")
        HEIGHT_FIELD_NUMBER: _ClassVar[int]
        WIDTH_FIELD_NUMBER: _ClassVar[int]
        PIXELS_FIELD_NUMBER: _ClassVar[int]
        height: int
        width: int
        pixels: bytes
        def __init__(self, height: _Optional[int] = ..., width: _Optional[int] = ..., pixels: _Optional[bytes] = ...) -> None: ...
    class Jpegs(_message.Message):
        __slots__ = ("files",)
        FILES_FIELD_NUMBER: _ClassVar[int]
        files: _containers.RepeatedScalarFieldContainer[bytes]
        def __init__(self, files: _Optional[_Iterable[bytes]] = ...) -> None: ...
    RAW_FIELD_NUMBER: _ClassVar[int]
    JPEGS_FIELD_NUMBER: _ClassVar[int]
    raw: Pictures.Raw
    jpegs: Pictures.Jpegs
    def __init__(self, raw: _Optional[_Union[Pictures.Raw, _Mapping]] = ..., jpegs: _Optional[_Union[Pictures.Jpegs, _Mapping]] = ...) -> None: ...

class ClassifyRequest(_message.Message):
    __slots__ = ("crops",)
    CROPS_FIELD_NUMBER: _ClassVar[int]
    crops: Pictures
    def __init__(self, crops: _Optional[_Union[Pictures, _Mapping]] = ...) -> None: ...

class ClassifyResponse(_message.Message):
    __slots__ = ("probabilities", "batch_size")
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    probabilities: _containers.RepeatedScalarFieldContainer[float]
    batch_size: int
    def __init__(self, probabilities: _Optional[_Iterable[float]] = ..., batch_size: _Optional[int] = ...) -> None: ...

class DetectRequest(_message.Message):
    __slots__ = ("pictures",)
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    pictures: Pictures
    def __init__(self, pictures: _Optional[_Union[Pictures, _Mapping]] = ...) -> None: ...

class DetectResponse(_message.Message):
    __slots__ = ("pictures",)
    class Faces(_message.Message):
        __slots__ = ("boxes_xyxy", "scores", "landmarks")
        BOXES_XYXY_FIELD_NUMBER: _ClassVar[int]
        SCORES_FIELD_NUMBER: _ClassVar[int]
        LANDMARKS_FIELD_NUMBER: _ClassVar[int]
        boxes_xyxy: _containers.RepeatedScalarFieldContainer[float]
        scores: _containers.RepeatedScalarFieldContainer[float]
        landmarks: _containers.RepeatedScalarFieldContainer[float]
        def __init__(self, boxes_xyxy: _Optional[_Iterable[float]] = ..., scores: _Optional[_Iterable[float]] = ..., landmarks: _Optional[_Iterable[float]] = ...) -> None: ...
    PICTURES_FIELD_NUMBER: _ClassVar[int]
    pictures: _containers.RepeatedCompositeFieldContainer[DetectResponse.Faces]
    def __init__(self, pictures: _Optional[_Iterable[_Union[DetectResponse.Faces, _Mapping]]] = ...) -> None: ...
