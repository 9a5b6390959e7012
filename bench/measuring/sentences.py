"""Sentences to speak and to recognise, by language; our own wording, in no corpus."""

from __future__ import annotations

from collections.abc import Mapping

SENTENCES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Seven ships left the harbour before sunrise.",
        "The old bridge was closed after the storm, so we walked along the river instead.",
        "She asked whether anybody had seen the blue notebook on the kitchen table.",
        "It was a nice day, and the children played in the garden until dinner.",
        "Please send the report to my office by Thursday afternoon.",
        "Nobody expected the train to arrive on time.",
        "He had never been to a place as quiet as this.",
        "The museum opens at nine and closes at five, except on Mondays.",
        "A small dog followed us all the way home.",
        "We will need more water, bread, and a box of matches.",
        "Could you tell me how far it is to the next village?",
        "The colours of the leaves change slowly in autumn.",
        "They built the house with stones from the nearby field.",
        "I think the answer is on the second page.",
        "Her brother works as a doctor in a large hospital.",
        "The soup was too hot to eat, but it smelled wonderful.",
        "After the concert everyone stood up and clapped.",
        "My grandfather kept bees behind the barn.",
        "There is nothing better than fresh coffee in the morning.",
        "Turn left at the church and follow the road for a mile.",
    ),
    "de": (
        "Sieben Schiffe verließen den Hafen vor Sonnenaufgang.",
        "Die alte Brücke wurde nach dem Sturm gesperrt.",
        "Wir gingen am Fluss entlang nach Hause.",
        "Bitte schicken Sie den Bericht bis Donnerstag in mein Büro.",
        "Niemand erwartete, dass der Zug pünktlich ankommt.",
        "Ein kleiner Hund folgte uns den ganzen Weg.",
        "Die Farben der Blätter ändern sich langsam im Herbst.",
        "Mein Bruder arbeitet als Arzt in einem großen Krankenhaus.",
        "Das Museum öffnet um neun und schließt um fünf.",
        "Nach dem Konzert standen alle auf und klatschten.",
        "Die Suppe war zu heiß, aber sie duftete herrlich.",
        "Können Sie mir sagen, wie weit es bis zum nächsten Dorf ist?",
        "Mein Großvater hielt Bienen hinter der Scheune.",
        "Sie bauten das Haus mit Steinen vom nahen Feld.",
        "Ich glaube, die Antwort steht auf der zweiten Seite.",
        "Wir brauchen noch Wasser, Brot und eine Schachtel Streichhölzer.",
        "Am Morgen gibt es nichts Besseres als frischen Kaffee.",
        "Er war noch nie an einem so stillen Ort gewesen.",
        "Die Kinder spielten bis zum Abend im Garten.",
        "Biegen Sie an der Kirche links ab und folgen Sie der Straße.",
    ),
}
