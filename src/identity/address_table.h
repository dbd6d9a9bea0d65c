/*
 * address_table.h
 *		Words of addresses, folded.  Included by address_words.c only.
 *
 * The first word of a line is the canonical one; all that follow stand for it.
 */
#ifndef OMNICRM_ADDRESS_TABLE_H
#define OMNICRM_ADDRESS_TABLE_H

/* Types of streets in Spain: Spanish, Catalan, Galician; before the name. */
static const char *const street_types[] = {
	"calle c cl cll clle carrer rua r", "avenida avda avd av ave avinguda avgda avga avg",
	"plaza pl pza plz plza pz placa praza", "plazuela plzla pzla placeta pzta",
	"paseo ps pso pseo passeig paseig psg", "carretera ctra crta cra cr carr carret estrada",
	"camino cno cm cmno cami cam", "ronda rda rd rnda", "rambla rbla rb rmbla",
	"travesia trv trva tr trav travessia travesa tvsia", "travessera", "glorieta gta gl gtta",
	"pasaje pje pj psje passatge ptge pasaxe", "callejon cjon cllon cj callej carrero", "calleja", "callejuela",
	"autovia autov", "autopista autop", "bulevar blvd bulev boulevard bvd", "alameda alam almda", "cuesta",
	"bajada baixada", "subida pujada", "via", "parque parc pque", "muelle moll", "jardines jardin", "sendero senda",
	"vereda", "canada", "costanilla", "corredera", "carrera", "torrente torrent", "riera", "rincon", "acceso",
	"galeria", "escalinata", "transversal", "prolongacion prol", "pasadizo", "canton", "callizo", "apartado apdo",
	"puente", "ribera",
};

/* Areas: a street may follow behind a comma. */
static const char *const area_types[] = {
	"urbanizacion urb ur urbanitzacio", "poligono pol polig poligon pg", "barriada bda bd",
	"barrio bo brio bro barri auzoa auzo", "lugar lug lg", "aldea", "finca", "partida ptda partda", "paraje",
	"diseminado dis diseminados", "colonia col", "residencial resid", "conjunto cjto conj", "edificio edif ed",
	"grupo", "complejo", "caserio",
};

/* Basque: before or behind the name; plaza in both. */
static const char *const either_types[] = {
	"calle kalea kale", "avenida etorbidea etorb hiribidea", "plaza enparantza plaza", "paseo pasealekua ibilbidea",
	"camino bidea", "carretera errepidea", "travesia zeharkalea",
};

/* Other countries: before the name. */
static const char *const front_types_abroad[] = {
	"rue r", "avenue av ave", "boulevard bd blvd bvd", "place pl", "chemin ch che", "allee all", "impasse imp",
	"quai", "route rte", "cours", "faubourg fg", "passage", "via v", "viale vle", "piazza pza", "corso cso", "vicolo",
	"strada", "contrada", "rua", "avenida avda avd", "praca", "travessa tv", "estrada", "alameda", "calcada", "beco",
	"praceta", "rodovia", "largo", "calle", "carrer", "plaza", "paseo",
};

/* Other countries: behind the name. */
static const char *const back_types_abroad[] = {
	"street st str", "road rd", "avenue ave av", "lane ln", "drive dr drv", "boulevard blvd", "court ct crt",
	"place pl", "square sq", "terrace ter terr tce", "highway hwy", "parkway pkwy pky", "circle cir",
	"crescent cres cr", "close cl", "gardens gdns garden", "grove gr grv", "way wy", "row", "walk", "trail trl",
	"alley aly", "mews", "parade pde", "circuit cct", "loop", "rise", "esplanade esp", "turnpike tpke",
	"expressway expy", "plaza plz", "quay",
};

/* Words behind the name. */
static const struct
{
	UnitWord	kind;
	const char *words;
}			unit_words[] = {
	{WORD_NUMBER, "numero n num no nro nr zk zenbakia"},
	{WORD_KM, "km kilometro kilometre kms pk"},
	{WORD_BLOCK, "bloque blq bl blo bloc blk bloq bque building bldg batiment bat"},
	{WORD_BLOCK_NAMED, "torre"}, {WORD_BLOCK_NAMED, "fase"}, {WORD_BLOCK_NAMED, "manzana mz mza"},
	{WORD_BLOCK_NAMED, "edificio edif ed"},
	{WORD_PORTAL, "portal prtl ptal ptl atari ataria"},
	{WORD_STAIRCASE, "escalera esc escal esca es escala eskailera scala staircase"},
	{WORD_FLOOR, "piso planta pl plta plnt pis p solairua solairu andar floor fl etage piano altura"},
	{WORD_DOOR, "puerta pta pt prta puert porta atea letra lt apartamento apto apt ap apart apartment appartement appt unit flat "
	"suite ste room rm vivienda viv"},
	{WORD_DOOR_NAMED, "local loc"}, {WORD_DOOR_NAMED, "nave"}, {WORD_DOOR_NAMED, "oficina of ofic"},
	{WORD_DOOR_NAMED, "despacho desp"}, {WORD_DOOR_NAMED, "chalet chale"}, {WORD_DOOR_NAMED, "casa"},
	{WORD_DOOR_NAMED, "bungalow"}, {WORD_DOOR_NAMED, "parcela"}, {WORD_DOOR_NAMED, "estudio"}, {WORD_DOOR_NAMED, "garaje"},
	{WORD_DOOR_NAMED, "puesto"}, {WORD_DOOR_NAMED, "modulo"}, {WORD_DOOR_NAMED, "villa"}, {WORD_DOOR_NAMED, "lot lote"},
	{WORD_FLOOR_VALUE, "bajo bajos bj bjo bjs baja baixo baixos baixa pb ground"},
	{WORD_FLOOR_VALUE, "entresuelo entlo entl ent entresol entreplanta etlo entslo"},
	{WORD_FLOOR_VALUE, "principal pral ppal prpal ppral prl princ"},
	{WORD_FLOOR_VALUE, "atico at atc atic"}, {WORD_FLOOR_VALUE, "sobreatico satico sat sobreatic"},
	{WORD_FLOOR_VALUE, "sotano sot soterrani basement"}, {WORD_FLOOR_VALUE, "semisotano ss semi semisot ssot"},
	{WORD_FLOOR_VALUE, "buhardilla buh"},
	{WORD_SIDE, "izda izquierda izqda izq iz izqa izqd izdo izqdo izquierdo esquerra esq esquerda esqda ezkerra ezk"},
	{WORD_SIDE, "dcha derecha dch der drcha dcho derecho dreta dta dereita direita dto eskuina esk eskuma"},
	{WORD_SIDE, "centro ctro centre cen ctr cntro"}, {WORD_SIDE, "int interior"}, {WORD_SIDE, "ext exterior"},
	{WORD_SIDE, "frente fte"},
	{WORD_SUFFIX, "bis"}, {WORD_SUFFIX, "ter"}, {WORD_SUFFIX, "quater"}, {WORD_SUFFIX, "dup duplicado dupl"},
	{WORD_ORDINAL, "1 primero primera primer"}, {WORD_ORDINAL, "2 segundo segunda segon"}, {WORD_ORDINAL, "3 tercero tercera tercer"},
	{WORD_ORDINAL, "4 cuarto cuarta quart"}, {WORD_ORDINAL, "5 quinto quinta"}, {WORD_ORDINAL, "6 sexto sexta"},
	{WORD_ORDINAL, "7 septimo septima"}, {WORD_ORDINAL, "8 octavo octava"}, {WORD_ORDINAL, "9 noveno novena"},
	{WORD_ORDINAL, "10 decimo decima"},
	{WORD_PARTICLE, "de del la las los el lo d da do das dos dels les els l des du della delle dei degli di"},
	{WORD_MONTH, "enero gener xaneiro febrero febrer marzo marc abril mayo maig maio junio juny xuno julio juliol xullo agosto "
	"agost septiembre setiembre setembre octubre outubro noviembre novembre novembro diciembre desembre decembro"},
};

/* Abbreviations in the names of streets. */
static const char *const name_abbreviations[] = {
	"santa sta", "santo sto", "general gral", "doctor dr", "doctora dra", "nuestra ntra", "nuestro ntro",
	"senora sra", "virgen vgen vg", "profesor prof", "presidente pdte", "comandante cte cmdte", "capitan cap",
	"teniente tte", "alferez alf", "francisco fco", "hermanos hnos", "ingeniero ing", "arzobispo arz",
	"cardenal card", "maestro mtro", "industrial ind", "fernandez fdez", "gonzalez glez", "rodriguez rguez",
	"martinez mtez mtnez",
};

#endif							/* OMNICRM_ADDRESS_TABLE_H */
