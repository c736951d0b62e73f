"""Language models through TRL, transformers and PEFT: supervised fine-tuning on chats, LoRA or full."""
