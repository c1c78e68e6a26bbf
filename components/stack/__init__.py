"""Whatever ties this project to one version of its libraries, each behind a function that says what it is for.

Public interfaces are used where they are needed. Here is what a library calls its own: private names, tables, names of
its threads, modules that its documentation does not have. Another set of versions is added here and nowhere else;
`tests/test_architecture.py` holds that. All of it was made for, and tried on:

    TFX 1.16, TensorFlow and tf-keras 2.16, tf-models 2.16, Beam 2.65, ML Metadata 1.16, TFMA 0.47     Python 3.10
    TFX 1.21, TensorFlow and tf-keras 2.21, tf-models 2.20, Beam 2.77, ML Metadata 1.21, TFMA 0.52     Python 3.12, 3.13
"""
