"""The fields of the hosted APIs' documented requests and answers, by the section of docs/hosted-apis.md that places them."""

from __future__ import annotations

from typing import Final

FIELDS: Final[dict[str, str]] = {
    "Request of Qualia": """
        project_id model_id vla_type dataset_id hours instance_type region batch_size name camera_mappings vla_hyper_spec
        use_rabc sarm_reward_model_path rabc_head_mode sarm_image_observation_key job_type
    """,
    "Answer of Qualia": "job_id status message detail",
    "Request of Nebius": """
        model training_file validation_file hyperparameters.batch_size hyperparameters.learning_rate
        hyperparameters.n_epochs hyperparameters.warmup_ratio hyperparameters.weight_decay hyperparameters.lora
        hyperparameters.lora_r hyperparameters.lora_alpha hyperparameters.lora_dropout hyperparameters.packing
        hyperparameters.max_grad_norm hyperparameters.context_length integrations[].type integrations[].wandb.project
        integrations[].wandb.name integrations[].wandb.entity integrations[].wandb.tags integrations[].wandb.api_key seed
        tags extra_body
    """,
    "Answer of Nebius": """
        id created_at error.code error.message error.param finished_at hyperparameters integrations model object
        organization_id result_files seed suffix status trained_tokens training_file validation_file estimated_finish
        trained_steps total_steps
    """,
    "Request of Archetype": """
        name id config.model config.datasets[].name config.datasets[].split config.datasets[].file_ids
    """,
    "Answer of Archetype": """
        name id config config.model config.datasets uuid org_uuid status created_at updated_at inference_config_path
    """,
    "Request of Strongly": """
        name baseModel trainingDataset description validationFile hyperparameters.epochs hyperparameters.learningRate
        hyperparameters.batchSize hyperparameters.warmupSteps suffix
    """,
    "Answer of Strongly": """
        id name baseModel status description owner organizationId trainingDataset trainingFile validationFile
        hyperparameters resultModel trainedTokens error metrics.trainingLoss metrics.validationLoss metrics.epoch startedAt
        finishedAt createdAt updatedAt
    """,
    "Lists and controls of Strongly": """
        status baseModel search limit offset sort count jobs lines since jobId logs timestamp level message currentEpoch
        totalEpochs steps step trainingLoss validationLoss learningRate total running completed failed queued
    """,
    "Catalog of Strongly": """
        models id name provider parameterCount supportedTasks maxSequenceLength hardware gpuMemory gpuCount costPerHour
        baseModel datasetSize estimatedCost estimatedTimeMinutes currency
    """,
    "Request of Vaero": "training_files style_model base_model suffix",
    "Answer of Vaero": """
        object id style_model base_model created_at fine_tuned_model organization_id status training_files
    """,
}
