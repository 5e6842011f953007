"""The words that visit words are taken from: short, common, kind, and plain when spoken.

No two differ by one letter only, and no two are spelled alike but for their vowels: what is said through a door is
not mistaken for another. A word added or taken away changes the words of every visit that is still to come.
"""

PLAIN_WORDS = tuple(
    """
accent acorn active actor adventure advice afternoon airport alarm album allotment almond alphabet amaze amber
ambulance ample anchor ancient animal ankle antelope anthem anthill antique apricot apron aquarium arcade
archer armchair arrive artist ashore asparagus aspen astronaut athlete atlas attic aubergine auction autumn
avenue avocado award backpack badger bagel bake bakery balance balcony ballet balloon bamboo banana banjo
banner banquet barber baritone barley barn barnacle barometer barrel bashful basil battery beach beacon beanbag
beaver beetle begonia belfry bell berry better bicycle binoculars birdsong birthday biscuit blackboard blanket
blossom bluebell blueberry bluebird board boat bobbin bobsleigh bold bonnet bookcase bookmark bookshop borrow
boulder bounce bouquet bower bowl bowling box bracelet bracken bramble branch brave bread breakfast breeze
brick bridge bright brioche broccoli bronze broom broth brownie brush bubble bucket buffalo buggy bugle bulb
bulldozer bumper bungalow bunny buoyant burger busy buttercup butterfly button buttonhole buzzard cabbage cabin
cactus cafeteria calculator calendar calm camel camellia camera camp campfire canary candle candlestick candy
canoe canvas canyon captain caramel caravan carbon card cardboard cardigan careful cargo carnation carnival
carousel carpet carrot carry cartoon carve cashew cashmere casserole castle catalogue caterpillar cathedral
catkin cauliflower cedar ceiling celebrate celery cello chaffinch chalk champion chapel chapter charcoal
chariot cheer cheerful cheese cheetah chemist cherry chestnut chicken chilly chime chimney chipmunk chives
chocolate chorus church chutney cinema cinnamon circle circus citrus city clam clarinet classic clementine
clever climb climber cloak cloud coach coast cobble cobweb cockatoo cockle coconut coffee collar collect collie
comet comic compass concert conductor confetti conifer cookie cooper coral corduroy coriander cork corner
cornfield cornflower cosmos cosy cottage cotton courgette courtyard cow cowslip cracker cradle cranberry crayon
cricket crimson crisp crocodile crocus crown crumble crumpet crystal cucumber cuddle cup cupboard curly cushion
custard cygnet cymbal cypress daffodil dahlia daily dainty damson dancer dandelion dawn dazzle deliver delta
denim dentist desert desk dewdrop diamond diary digit dinner dinosaur discover dolphin domino donkey doodle
door dormouse doughnut dragon dragonfly drawer dream dreamer dress driver duck dune duvet eager eagle early
earring easel easy echo eclipse editor eggcup elbow elder electric elegant elephant elf embroidery emerald emu
engine engineer envelope equator escalator evening explore fabric factory fairground fairy falcon fanfare farm
farmer feather fence fennel fern festival festive fiddler field finch finger finish firework fish flag flamingo
flannel flapjack fleece flint float florist flower fluffy folder foliage follow football footpath footstep
forest fortune fossil fountain foxglove freckle freesia fresco fresh friend friendly frigate fringe frog frosty
fruit fudge furniture gable gadget galaxy gallery gallop gander gannet garage garden gardener gargoyle garland
garlic gate gather gazelle gecko gentle geranium geyser giggle gingerbread giraffe glacier glad glass gleaming
glider glisten globe glow goblet golden goldfinch goldfish golf gondola goose gooseberry gorilla gosling
graceful grand granite grapefruit grasshopper gravel gravy greenhouse greet greyhound griffin grocer guava
guitar gull gymnast hairbrush hall hamlet hammer hammock hamster hand handbag handshake happy harbour hardy
harmony harp harpist harvest hasty hat hatbox hawk haystack hazel hazelnut headland hedge hedgehog helicopter
helmet helpful herb heron hexagon hiker hilltop hockey holiday holly honest honey honeycomb hook hopscotch
horizon hornbeam horseshoe hotel hourglass house hyacinth hydrant iceberg icicle igloo iguana imagine indigo
ink inkwell insect invent inventor invite iris island ivory ivy jackdaw jacket jaguar jar jasmine javelin jelly
jellyfish jester jewel jigsaw joiner journal journey joyful jubilee jug juice jukebox junction jungle juniper
kangaroo kayak keen kernel kestrel ketchup kettle keyboard kilt kind kingfisher kitchen kite kiwi knapsack knit
label lace ladder lady ladybird lagoon lamb lamppost landscape lantern lapwing larch lark lattice laugh laundry
laurel lavender layer leaf legend lemon lemonade lentil leopard library lifeboat lighthouse lilac lily lime
limousine limpet linen linnet lion lively lizard llama lobby lobster locker locomotive lofty log logbook
lollipop lorry lounge loyal lucky lullaby lunch lupin lyric macaroni macaw mackerel magazine magenta magic
magician magnet magpie mallard mammoth mandolin mango mantle map maple marathon marble marigold marina
marmalade marquee marrow marshmallow mask mayor meadow meadowlark medal meerkat mellow melody melon mend
merchant meringue mermaid meteor microscope midnight mighty milk mimosa mingle minnow mint mirror misty mitten
moccasin modern modest monarch moon moonlight moorhen morning mortar mosaic moss moth motorway muffin mulberry
mural museum mushroom musical musician muslin napkin necklace nectar nectarine needle nest nibble nightingale
nod north notebook notepad notice novel nugget nursery nutmeg oak oasis oatmeal oboe observatory ocean octopus
olive omelette onion opal opera orange orchard orchestra orchid oregano origami osprey ostrich otter outdoor
outline oven overcoat oxygen oyster package paddle page pageant paint paintbrush painter palace palette
pamphlet pancake panda pansy panther paprika parachute parade paradise parasol parcel parsley parsnip partridge
party passenger pasta pastry pasture patch patchwork patient patio pavement pavilion peacock peanut pearl
pebble pecan pelican pencil pendant penguin penny pepper peppermint perfume pergola petal petunia pewter
pheasant photograph piccolo pickle picnic picture pigeon pigment pillow pine pineapple pinwheel pirate
pistachio pizza planet plank plaster plate platypus playful plaza plover plum plumber pocket poem polish
pomegranate pond ponder poplar poppy porcelain porch porcupine porridge portal portrait postbox postcard
postman potato pottery pour practise prairie prepare pretzel primrose prince princess prism professor promise
propeller protect proud publish pudding pulley pumpkin puppet purple puzzle pyramid quail quarry quarter quartz
quiche quick quiet quiver quiz rabbit raccoon radiator radio radish raft rafter railway rainbow raincoat raisin
rambler rapid raspberry ravine rectangle referee regal regatta reindeer relax relic remember repair reptile
rescue restaurant rhubarb ribbon rice ripple roadside roof rooster rope rosemary rowboat ruby rucksack rudder
ruler runner rustic saffron sailor salad salmon salt salute sandcastle sandpit sandwich sapling sapphire
sardine satellite satin saucer sausage sawdust saxophone scallop scarecrow scarf scarlet scholar school
scissors scooter scribble sculptor seagull seahorse seal seashell seaside seaweed seed seedling seesaw sequin
shadow shallot shampoo shamrock share shelf shepherd sherbet shimmer shiny ship shirt shoelace shoulder shovel
shutter signal silent silver simple sketch skipper skylark skyscraper sledge sleepy sleeve sleigh smart smile
smooth snail snorkel snowball snowdrift snowdrop snowflake snowman snowy soap sofa sonata soprano sorbet sorrel
spaceship spade spaghetti spaniel sparkle sparrow spatula spectrum speedy spider spinach spire splash sponge
spoon spotted spring sprinkle spruce squid squirrel stable stadium stamp star starfish starling station statue
steady steeple stencil stone stopwatch stork strawberry stream street stroll sturdy submarine suburb sugar
suitcase sultana summer sundae sundial sunflower sunrise sunset sunshine supper surfer swallow swan sweater
sweet swift swing swirl sycamore syrup tablecloth tadpole tambourine tandem tangerine tangle tapestry tapioca
tartan tassel teacher teapot telescope television temple tender tennis tent terrace terrier thatch thermos
thicket thimble thistle thrush thunder tidy tiger timber tinsel tiptoe toadstool toboggan tomato toothbrush
topaz tortoise totem toucan towel town toy tractor train trampoline tranquil trapeze treasure tree trellis
triangle tripod trolley trombone trophy tropical trout truffle trusty tuba tugboat tulip tunic tunnel tureen
turnip turquoise turtle tweed twig twilight twinkle typist ukulele umbrella unfold unicorn uniform universe
upland urchin vacuum valentine valley vanilla vase vegetable velvet veranda vicar village vinegar violet violin
visit vivid volcano volunteer voyage vulture waffle wagon waistcoat waiter walnut walrus waltz warbler wardrobe
watercolour waterfall waterproof weekend westward wheel wheelbarrow whisker wicker wildflower windmill window
windsock winter witty wooden woodland woodpecker workshop xylophone yacht yesterday yodel yoghurt zebra zigzag
zinnia zodiac
""".split()  # noqa: SIM905 - a word a line would be a file of 1,200 lines
)
