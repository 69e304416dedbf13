"""Problems of GSM8K (MIT licence), each beside the same problem told in other words by us: `item`, then `retold`."""

RETOLD = """
Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many clips
did Natalia sell altogether in April and May?
=>
In April, 48 friends bought clips from Natalia. In May she managed to sell only half that number. Over the two
months together, what was the total of clips sold by Natalia?

Weng earns $12 an hour for babysitting. Yesterday, she just did 50 minutes of babysitting. How much did she
earn?
=>
For babysitting Weng is paid 12 dollars per hour. If she babysat for 50 minutes yesterday, what did she earn?

Betty is saving money for a new wallet which costs $100. Betty has only half of the money she needs. Her
parents decided to give her $15 for that purpose, and her grandparents twice as much as her parents. How much
more money does Betty need to buy the wallet?
=>
A new wallet costs 100 dollars and Betty has saved half of that so far. Her grandparents give her double the
$15 that her parents give. How much is she still short of for the wallet?

Julie is reading a 120-page book. Yesterday, she was able to read 12 pages and today, she read twice as many
pages as yesterday. If she wants to read half of the remaining pages tomorrow, how many pages should she read?
=>
The book that Julie reads has 120 pages. She got through 12 of them yesterday and double that today. Tomorrow
she plans to read half of the pages left. How many is that?

James writes a 3-page letter to 2 different friends twice a week. How many pages does he write a year?
=>
Twice every week James sends letters of 3 pages each to two different friends. How many pages of letters is
that in a year?

Mark has a garden with flowers. He planted plants of three different colors in it. Ten of them are yellow, and
there are 80% more of those in purple. There are only 25% as many green flowers as there are yellow and purple
flowers. How many flowers does Mark have in his garden?
=>
In Mark's garden grow flowers of three colors: 10 yellow ones, 80% more purple ones than yellow, and green
ones that number 25% of yellow and purple together. What is the number of flowers in the garden?

Albert is wondering how much pizza he can eat in one day. He buys 2 large pizzas and 2 small pizzas. A large
pizza has 16 slices and a small pizza has 8 slices. If he eats it all, how many pieces does he eat that day?
=>
Two large pizzas of 16 slices each and two small pizzas of 8 slices each were bought by Albert. He eats every
one of them in a day. How many slices of pizza are that?

A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?
=>
For one robe you need white fiber, half as much as blue fiber, and of the blue 2 bolts. What number of bolts
is needed altogether?

Toulouse has twice as many sheep as Charleston. Charleston has 4 times as many sheep as Seattle. How many
sheep do Toulouse, Charleston, and Seattle have together if Seattle has 20 sheep?
=>
Seattle has 20 sheep, Charleston four times that many, and Toulouse double what Charleston has. Taken
together, how many sheep are there in the three cities?

Carla is downloading a 200 GB file. Normally she can download 2 GB/minute, but 40% of the way through the
download, Windows forces a restart to install updates, which takes 20 minutes. How long does it take to
download the file?
=>
A download of 200 GB runs at 2 GB per minute. At 40% Windows restarts for 20 minutes to install updates. How
many minutes pass until Carla has the whole file?

Eliza's rate per hour for the first 40 hours she works each week is $10. She also receives an overtime pay of
1.2 times her regular hourly rate. If Eliza worked for 45 hours this week, how much are her earnings for this
week?
=>
In a week of 45 hours, what does Eliza earn, if the first 40 hours are paid at $10 an hour and the overtime at
1.2 times the regular rate?

Ken created a care package to send to his brother. He placed a box on a scale, and then he poured into the box
enough jelly beans to bring the weight to 2 pounds. Then he added enough brownies to cause the weight to
triple. What was the weight of the box of goodies, in pounds?
=>
With jelly beans poured in, the box that Ken sends his brother weighed 2 pounds on the scale. Adding brownies
tripled the weight. How many pounds did the care package weigh?

"""


def pairs():
    """Each problem and its other telling."""
    both = [block.split("=>") for block in RETOLD.strip().split("\n\n")]
    return [(" ".join(item.split()), " ".join(retold.split())) for item, retold in both]
