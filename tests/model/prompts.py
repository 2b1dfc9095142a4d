"""Texts over which the forward pass is compared with the reference: prose, talk, code, tables, other
languages, noise. A chat prompt is written out with the model's own markers."""

CHAT = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n{}"

PROMPTS = [
    CHAT.format(
        "What is the capital of France?",
        "The capital of France is Paris. It lies on the river Seine and has",
    ),
    CHAT.format(
        "Explain why the sky is blue in two sentences.",
        "The sky looks blue because molecules of air scatter "
        "short waves of light more strongly than long ones. This is called Rayleigh scattering",
    ),
    CHAT.format(
        "Write a haiku about rain.", "Soft rain on the roof,\nwhispers of the autumn wind,\nthe"
    ),
    CHAT.format(
        "How many legs do three spiders have?", "A spider has eight legs, so three spiders have 24"
    ),
    CHAT.format(
        "Translate 'good morning' into German.", "'Good morning' in German is 'Guten Morgen'."
    ),
    "Once upon a time there was a girl who lived at the edge of a great forest with her grandmother. Every morning "
    "she walked to the well to fetch water, and one day she found a small grey wolf sitting beside it",
    "The mitochondrion is an organelle found in the cells of most eukaryotes. It generates most of the cell's supply "
    "of adenosine triphosphate, which is used as a source of chemical",
    'def fibonacci(n):\n    """Returns the n-th Fibonacci number."""\n    if n < 2:\n        return n\n'
    "    return fibonacci(n - 1) + fibonacci(n - 2)\n\n\nfor i in range(10):\n    print(",
    '#include <stdio.h>\n\nint main(void)\n{\n    for (int i = 0; i < 10; i++)\n        printf("%d\\n", i);\n    return',
    "SELECT name, COUNT(*) FROM orders JOIN customers ON orders.customer_id = customers.id GROUP BY name ORDER BY",
    "The recipe needs two cups of flour, one teaspoon of baking powder, half a cup of sugar, two eggs and a little "
    "milk. First, mix the dry ingredients in a large bowl. Then",
    "In 1969 Neil Armstrong became the first person to walk on the Moon. The mission, Apollo 11, was launched from "
    "Kennedy Space Center in",
    "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,",
    "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday, Monday, Tuesday,",
    "La capitale de la France est Paris. La capitale de l'Italie est Rome. La capitale de l'Espagne est",
    "Der schnelle braune Fuchs springt über den faulen Hund. Am nächsten Morgen war der Hund",
    "Water boils at 100 degrees Celsius at sea level. At higher altitudes the pressure of the air is lower, so water "
    "boils at a lower",
    "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer the slings and arrows of",
    "| Country | Capital |\n|---|---|\n| France | Paris |\n| Germany | Berlin |\n| Italy | Rome |\n| Spain |",
    "Dear Sir or Madam,\n\nI am writing to apply for the position of software engineer that was advertised on your "
    "website. I have five years of experience in",
    "Photosynthesis is the process by which green plants use sunlight to make food from carbon dioxide and water. It "
    "takes place in the chloroplasts, which contain a green pigment called",
    '{"name": "Alice", "age": 30, "city": "Berlin", "languages": ["German", "English"], "email":',
    "<html>\n<head>\n<title>My page</title>\n</head>\n<body>\n<h1>Welcome</h1>\n<p>This is a paragraph.</p>\n</",
    "Question: If a train travels 60 miles in one hour, how far does it travel in three hours?\nAnswer: The train "
    "travels 60 miles in each hour, so in three hours it travels 60 * 3 =",
    "The stock market fell sharply on Thursday as investors worried about rising interest rates. Analysts said that",
    "Isaac Newton was an English mathematician, physicist and astronomer. He is best known for his laws of motion and "
    "the law of universal",
    "The cat sat on the mat. The dog sat on the log. The frog sat on the",
    "Artificial intelligence is the ability of machines to perform tasks that usually require human intelligence, such "
    "as understanding language, recognising images and",
    "My favourite season is autumn, because the leaves turn red and gold, the air is crisp, and",
    "Chapter 1. The Old House\n\nThe house at the end of the lane had been empty for as long as anyone could remember. "
    "Its windows were dark and its garden was overgrown. Nobody knew who had",
    "import numpy as np\n\n\ndef softmax(x):\n    e = np.exp(x - np.max(x))\n    return e /",
    'She opened the door slowly. "Who is there?" she asked. There was no answer, only the sound of the wind. She '
    "took a step forward and",
    "The periodic table arranges the chemical elements by atomic number. Hydrogen is the first element, helium is the "
    "second, lithium is the third, and",
    "In the year 2050, most cars will be electric and many will drive themselves. Cities will have fewer parking lots "
    "and more",
]
