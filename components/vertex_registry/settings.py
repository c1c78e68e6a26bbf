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
        image: such as one of Vertex AI's prebuilt containers for TensorFlow 2, or one of yours in Artifact Registry.
        args: of the container; none: the image's own.
        port: on which it listens; None: Vertex AI's default.
        predict_route: of its HTTP; None: Vertex AI's default.
        health_route: of its HTTP; None: Vertex AI's default.
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
        id: of an endpoint that is there already.
        canary_percent: of its traffic, for what was pushed; 100: all of it.
        machine_type: of its replicas.
        accelerator_type: such as NVIDIA_TESLA_T4; None: none.
        accelerator_count: of each replica.
        min_replicas: that are always there.
        max_replicas: at most.
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
    """Whether and where what was pushed is registered in Vertex AI.

    Attributes:
        project: id or number; None: nothing is registered.
        location: a region.
        model_id: of the model in the registry; None: the pipeline's name.
        container: what serves it there.
        endpoint: where it is deployed; None: it is only registered.
        service_account: whom the upload works as; None: Vertex AI's service agent.
        encryption_key: full name of a Cloud KMS key; None: Google's own.
        labels: of the version, besides ours.
        limit_s: how long an upload, and a deployment, may take.
        api_endpoint: another address of the API, as of a private endpoint.
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
