import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Encoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ENCODING_UNSPECIFIED: _ClassVar[Encoding]
    ENCODING_JPEG: _ClassVar[Encoding]
    ENCODING_PNG: _ClassVar[Encoding]
    ENCODING_RAW_GREY: _ClassVar[Encoding]
ENCODING_UNSPECIFIED: Encoding
ENCODING_JPEG: Encoding
ENCODING_PNG: Encoding
ENCODING_RAW_GREY: Encoding

class Box(_message.Message):
    __slots__ = ("x", "y", "width", "height")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    width: float
    height: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ...) -> None: ...

class Point(_message.Message):
    __slots__ = ("x", "y")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ...) -> None: ...

class Image(_message.Message):
    __slots__ = ("encoding", "data", "width", "height")
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    encoding: Encoding
    data: bytes
    width: int
    height: int
    def __init__(self, encoding: _Optional[_Union[Encoding, str]] = ..., data: _Optional[bytes] = ..., width: _Optional[int] = ..., height: _Optional[int] = ...) -> None: ...

class Face(_message.Message):
    __slots__ = ("track_id", "box", "landmarks", "quality", "detector_score", "image", "image_box")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    LANDMARKS_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    DETECTOR_SCORE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_BOX_FIELD_NUMBER: _ClassVar[int]
    track_id: int
    box: Box
    landmarks: _containers.RepeatedCompositeFieldContainer[Point]
    quality: float
    detector_score: float
    image: Image
    image_box: Box
    def __init__(self, track_id: _Optional[int] = ..., box: _Optional[_Union[Box, _Mapping]] = ..., landmarks: _Optional[_Iterable[_Union[Point, _Mapping]]] = ..., quality: _Optional[float] = ..., detector_score: _Optional[float] = ..., image: _Optional[_Union[Image, _Mapping]] = ..., image_box: _Optional[_Union[Box, _Mapping]] = ...) -> None: ...

class FaceCrops(_message.Message):
    __slots__ = ("frame_id", "captured_at", "camera", "faces", "frame_width", "frame_height")
    FRAME_ID_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    FACES_FIELD_NUMBER: _ClassVar[int]
    FRAME_WIDTH_FIELD_NUMBER: _ClassVar[int]
    FRAME_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    frame_id: str
    captured_at: _timestamp_pb2.Timestamp
    camera: str
    faces: _containers.RepeatedCompositeFieldContainer[Face]
    frame_width: int
    frame_height: int
    def __init__(self, frame_id: _Optional[str] = ..., captured_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., camera: _Optional[str] = ..., faces: _Optional[_Iterable[_Union[Face, _Mapping]]] = ..., frame_width: _Optional[int] = ..., frame_height: _Optional[int] = ...) -> None: ...

class LabelProbability(_message.Message):
    __slots__ = ("label", "probability")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    label: str
    probability: float
    def __init__(self, label: _Optional[str] = ..., probability: _Optional[float] = ...) -> None: ...

class Expression(_message.Message):
    __slots__ = ("track_id", "probabilities", "box", "quality", "taught")
    TRACK_ID_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    TAUGHT_FIELD_NUMBER: _ClassVar[int]
    track_id: int
    probabilities: _containers.RepeatedCompositeFieldContainer[LabelProbability]
    box: Box
    quality: float
    taught: _containers.RepeatedCompositeFieldContainer[LabelProbability]
    def __init__(self, track_id: _Optional[int] = ..., probabilities: _Optional[_Iterable[_Union[LabelProbability, _Mapping]]] = ..., box: _Optional[_Union[Box, _Mapping]] = ..., quality: _Optional[float] = ..., taught: _Optional[_Iterable[_Union[LabelProbability, _Mapping]]] = ...) -> None: ...

class Timings(_message.Message):
    __slots__ = ("arriving", "waiting", "decoding", "predicting", "batch_faces")
    ARRIVING_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    DECODING_FIELD_NUMBER: _ClassVar[int]
    PREDICTING_FIELD_NUMBER: _ClassVar[int]
    BATCH_FACES_FIELD_NUMBER: _ClassVar[int]
    arriving: float
    waiting: float
    decoding: float
    predicting: float
    batch_faces: int
    def __init__(self, arriving: _Optional[float] = ..., waiting: _Optional[float] = ..., decoding: _Optional[float] = ..., predicting: _Optional[float] = ..., batch_faces: _Optional[int] = ...) -> None: ...

class Expressions(_message.Message):
    __slots__ = ("frame_id", "captured_at", "camera", "faces", "model_name", "model_version", "frame_width", "frame_height", "timings")
    FRAME_ID_FIELD_NUMBER: _ClassVar[int]
    CAPTURED_AT_FIELD_NUMBER: _ClassVar[int]
    CAMERA_FIELD_NUMBER: _ClassVar[int]
    FACES_FIELD_NUMBER: _ClassVar[int]
    MODEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    FRAME_WIDTH_FIELD_NUMBER: _ClassVar[int]
    FRAME_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    frame_id: str
    captured_at: _timestamp_pb2.Timestamp
    camera: str
    faces: _containers.RepeatedCompositeFieldContainer[Expression]
    model_name: str
    model_version: int
    frame_width: int
    frame_height: int
    timings: Timings
    def __init__(self, frame_id: _Optional[str] = ..., captured_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., camera: _Optional[str] = ..., faces: _Optional[_Iterable[_Union[Expression, _Mapping]]] = ..., model_name: _Optional[str] = ..., model_version: _Optional[int] = ..., frame_width: _Optional[int] = ..., frame_height: _Optional[int] = ..., timings: _Optional[_Union[Timings, _Mapping]] = ...) -> None: ...
