"""Vertex AI's Model Registry and an endpoint as a further place for what was pushed: docs/vertex-model-registry.md."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Optional

from pydantic import Field, model_validator

from ratchet.schemas.base.settings import settings


@settings
class ContainerSettings:
    """What serves a version in Vertex AI.

    Attributes:
        image: container image, such as one of Vertex AI's prebuilt ones for TensorFlow 2, or one of yours in Artifact
            Registry; has to be given with `project`.
        args: arguments of the container; none: the image's own.
        port: the port that it listens on; None: Vertex AI's default.
        predict_route: path of its predictions over HTTP; None: Vertex AI's default.
        health_route: path of its health check over HTTP; None: Vertex AI's default.
    """

    image: str = ""
    args: tuple[str, ...] = ()
    port: Annotated[Optional[int], Field(ge=1, le=65535)] = None
    predict_route: Annotated[Optional[str], Field(pattern=r"^/[!-~]*$")] = None
    health_route: Annotated[Optional[str], Field(pattern=r"^/[!-~]*$")] = None


@settings
class EndpointSettings:
    """The endpoint that a version is deployed to.

    Attributes:
        id: the id of an endpoint that is there already.
        canary_percent: per cent of its traffic that what was pushed gets; 100: all of it.
        machine_type: Compute Engine's name of the machine that a replica has.
        accelerator_type: GPU of a replica, such as `NVIDIA_TESLA_T4`; None: none.
        accelerator_count: GPUs of each replica.
        min_replicas: replicas that are always there.
        max_replicas: replicas that there are at most, under load.
        service_account: whom the replicas work as; None: Vertex AI's own.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    canary_percent: Annotated[int, Field(ge=1, le=100)] = 100
    machine_type: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] = "n1-standard-4"
    accelerator_type: Annotated[Optional[str], Field(pattern=r"^[A-Z0-9_]+$")] = None
    accelerator_count: Annotated[int, Field(ge=1, le=16)] = 1
    min_replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    max_replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    service_account: Optional[str] = None

    @model_validator(mode="after")
    def _check_replicas(self) -> EndpointSettings:
        if self.max_replicas < self.min_replicas:
            raise ValueError(f"max_replicas = {self.max_replicas}: is below min_replicas = {self.min_replicas}")
        return self


@settings
class VertexRegistrySettings:
    """Whether and where what was pushed is registered in Vertex AI: docs/vertex-model-registry.md.

    Attributes:
        project: id or number of the Google Cloud project; None: nothing is registered.
        location: region of Vertex AI, such as `europe-west4`; has to be given with `project`.
        model_id: id of the model in the registry; None: the pipeline's name.
        container: what serves it there.
        endpoint: where it is deployed; None: it is only registered.
        service_account: whom the upload works as; None: Vertex AI's service agent.
        encryption_key: full name of a Cloud KMS key that the model is encrypted with; None: Google's own.
        labels: labels of the version in the registry, besides ours.
        limit_s: seconds that an upload, and a deployment, may take.
        api_endpoint: another address of the API, as of a private endpoint; None: the region's.
    """

    project: Annotated[Optional[str], Field(pattern=r"^[a-z0-9][a-z0-9.:-]{0,62}$")] = None
    location: Annotated[Optional[str], Field(pattern=r"^[a-z0-9-]{1,40}$")] = None
    model_id: Annotated[Optional[str], Field(pattern=r"^[a-z_][a-z0-9_-]{0,62}$")] = None
    container: ContainerSettings = dataclasses.field(default_factory=ContainerSettings)
    endpoint: Optional[EndpointSettings] = None
    service_account: Optional[str] = None
    encryption_key: Optional[str] = None
    labels: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")], Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,63}$")]
    ] = dataclasses.field(default_factory=dict)
    limit_s: Annotated[float, Field(ge=0, le=24 * 3600)] = 3600
    api_endpoint: Annotated[Optional[str], Field(pattern=r"^https?://[!-~]+$")] = None

    @model_validator(mode="after")
    def _check_whole(self) -> VertexRegistrySettings:
        if self.project is not None and not (self.location and self.container.image):
            raise ValueError("vertex_registry.project needs vertex_registry.location and .container.image as well")
        return self
