"""What travels of taught moods, for those who know of it and for those who do not."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from services.contracts import moodring_pb2 as pb
from services.contracts.channels import EXPRESSIONS
from services.contracts.moods import EXPRESSIONS as LABELS


def sent() -> pb.Expressions:
    shares = [pb.LabelProbability(label=label, probability=1 / len(LABELS)) for label in LABELS]
    taught = [pb.LabelProbability(label="focused", probability=0.75)]
    face = pb.Expression(track_id=3, probabilities=shares, taught=taught, quality=0.5)
    return pb.Expressions(frame_id="camera-1-1", camera="camera", faces=[face], model_version=2)


def of_before(payload: bytes) -> Message:
    """Read a payload as a program does that was built before moods could be taught."""
    file = descriptor_pb2.FileDescriptorProto()
    pb.DESCRIPTOR.CopyToProto(file)
    expression = next(one for one in file.message_type if one.name == "Expression")
    del expression.field[[one.name for one in expression.field].index("taught")]
    pool = descriptor_pool.DescriptorPool()
    for needed in pb.DESCRIPTOR.dependencies:
        pool.AddSerializedFile(needed.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("moodring.v1.Expressions")).FromString(payload)


def test_who_knows_of_eight_only_reads_them_as_ever() -> None:
    face = of_before(EXPRESSIONS.encode(sent())).faces[0]  # type: ignore[attr-defined]
    assert [row.label for row in face.probabilities] == list(LABELS)
    assert sum(row.probability for row in face.probabilities) == 1
    assert (face.track_id, face.quality) == (3, 0.5)


def test_taught_moods_stand_beside_the_eight() -> None:
    [face] = EXPRESSIONS.decode(EXPRESSIONS.encode(sent())).faces
    assert [(row.label, row.probability) for row in face.taught] == [("focused", 0.75)]
    assert len(face.probabilities) == len(LABELS)


def test_an_embedding_cannot_travel() -> None:
    assert "embedding" not in pb.Expression.DESCRIPTOR.fields_by_name
