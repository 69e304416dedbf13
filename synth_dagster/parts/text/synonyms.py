"""A small table of English synonyms, of our own making: words that may stand for each other in most sentences.

Each line is a group of one sense and one form. Words with several common senses (like, right, light, bank), opposites,
negations and numbers are left out on purpose: a replacement must not turn what a text says. It is short; for a field
of its own, `eda` takes a table from the project.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TypeAlias

Synonyms: TypeAlias = Mapping[str, Sequence[str]]

_GROUPS = """
able capable
accurate precise exact
afraid scared frightened
aid assistance help
almost nearly
also additionally
always constantly
amazing astonishing astounding
ancient antique
angry furious irate
annoying irritating vexing
answer reply response
answers replies responses
area region zone
arrange organise
arranged organised
ask enquire
asked enquired
attempt try
attempted tried
attempts tries
attractive appealing
awful dreadful terrible
bag sack
bags sacks
beautiful lovely gorgeous
begin commence
begins starts commences
began started commenced
beginning starting
big large
bigger larger
biggest largest
bizarre odd strange
boat vessel
boats vessels
boring dull tedious
brave courageous bold
brief concise short
bright brilliant
build construct
builds constructs
built constructed
business company
businesses companies
buy purchase
buys purchases
bought purchased
buying purchasing
calm peaceful tranquil
car automobile
cars automobiles
careful cautious
carefully cautiously
category class
categories classes
cheap inexpensive
child kid
children kids
choose select pick
chooses selects picks
chose selected picked
choosing selecting picking
city town
cities towns
clever smart intelligent
clothes garments clothing
coast shore
cold chilly
collect gather
collects gathers
collected gathered
collecting gathering
comfortable cosy
completely entirely totally
complicated complex
compute calculate
computes calculates
computed calculated
confusing puzzling
costly expensive
crazy mad
create produce
creates produces
created produced
creating producing
customer client
customers clients
damage harm
danger peril
dangerous hazardous risky
decide determine
decided determined
delicious tasty
delighted thrilled
describe depict
describes depicts
described depicted
difficult hard
dirty filthy
disappointing unsatisfying
discover find
discovers finds
discovered found
discussion debate
doctor physician
doctors physicians
easy simple
easily simply
education schooling
effect impact
effects impacts
elderly aged
employee worker
employees workers
empty vacant
enjoy relish
enjoyed relished
enjoyable pleasant
enormous huge gigantic
enough sufficient
error mistake
errors mistakes
examine inspect
examined inspected
example instance
examples instances
excellent superb outstanding
exciting thrilling
explain clarify
explains clarifies
explained clarified
famous renowned
fast quick rapid
quickly rapidly swiftly
faster quicker
fault defect flaw
faults defects flaws
film movie
films movies
foolish silly
forest wood
forests woods
fortunate lucky
fortunately luckily
friend companion
friends companions
funny amusing humorous
garbage rubbish trash
gives offers
glad happy pleased
goal aim objective
goals aims objectives
grow increase
grows increases
grew increased
guess estimate
handy convenient useful
harvest crop
hate detest loathe
hated detested loathed
hide conceal
hides conceals
hidden concealed
home house
homes houses
honest truthful sincere
hotel inn
hotels inns
idea notion
ideas notions
identify recognise
identified recognised
immediately instantly
important significant
improve enhance
improves enhances
improved enhanced
incorrect wrong
infant baby
infants babies
information details
inform notify
informed notified
interesting engaging
invent devise
invented devised
job occupation
jobs occupations
join connect
joins connects
joined connected
journey trip
journeys trips
keep retain
keeps retains
kept retained
lake pond
lately recently
lawyer attorney
lawyers attorneys
lazy idle
leader chief
leaders chiefs
lecture talk
lonely solitary
loud noisy
machine device
machines devices
manage handle
manages handles
managed handled
many numerous
material stuff
maybe perhaps
meal dish
meals dishes
mend repair fix
mended repaired fixed
merchant trader
merchants traders
method technique approach
methods techniques approaches
middle centre
mix blend
mixed blended
modern contemporary
modify alter
modified altered
moment instant
mostly mainly
neat tidy
needed required
needs requires
news tidings
normal ordinary
often frequently
opinion view
opinions views
option choice
options choices
outline sketch
painful sore
parcel package
parcels packages
part portion
parts portions
people persons folk
perfect flawless
permit allow
permits allows
permitted allowed
picture image
pictures images
place spot
places spots
plan scheme
plans schemes
polite courteous
poor impoverished
powerful mighty strong
price cost
prices costs
problem issue
problems issues
promise pledge
promised pledged
protect guard shield
protects guards shields
protected guarded shielded
provide supply
provides supplies
provided supplied
question query
questions queries
quiet silent
rare scarce uncommon
receive obtain
receives obtains
received obtained
remain stay
remains stays
remained stayed
remarkable notable
remove delete
removed deleted
rich wealthy
road street
roads streets
room chamber
rooms chambers
rude impolite
ruin wreck
ruined wrecked
sad unhappy
safe secure
sample specimen
sea ocean
seas oceans
sentence statement
sentences statements
shop store
shops stores
shout yell
shouted yelled
show display
shows displays
sick ill
sign symbol
signs symbols
slender slim thin
slow sluggish
smell scent
sofa couch
soil earth
sometimes occasionally
story tale
stories tales
stream brook
streams brooks
strike hit
subject topic
subjects topics
suggest propose
suggests proposes
suggested proposed
summarise condense
summary abstract
surprising unexpected
task assignment
tasks assignments
teach instruct
teaches instructs
taught instructed
teacher tutor
teachers tutors
text passage
texts passages
thing object
things objects
think believe
thinks believes
tired weary
trouble difficulty
troubles difficulties
uncertain unsure
understand comprehend
understands comprehends
understood comprehended
uses employs
used employed
using employing
usually generally
valuable precious
various diverse
visitor guest
visitors guests
warm mild
weak feeble
weird peculiar
whole entire
wonderful marvellous fantastic
work labour
worried anxious
write compose
writes composes
wrote composed
writing composing
"""


@cache
def english() -> Synonyms:
    """Word -> the others of its group, in their order. Read-only: everybody shares it."""
    groups = [line.split() for line in _GROUPS.split("\n") if line]
    return MappingProxyType({word: [other for other in group if other != word] for group in groups for word in group})
