"""Configurations of encoders of Transformers that take next to no time."""


def tiny_bert(n_layers, **params):
    """Configuration of BERT with layers of 8 features; params are what else differs."""
    from transformers import BertConfig

    return BertConfig(
        hidden_size=8,
        num_hidden_layers=n_layers,
        num_attention_heads=2,
        intermediate_size=16,
        **params,
    )
